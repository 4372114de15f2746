"""Measures the gateway beside a bare proxy, the yardstick, and nginx, the floor (Linux only)."""
