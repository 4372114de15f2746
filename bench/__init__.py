"""Measures the gateway against nginx and a direct line; `scripts/bench` runs it (Linux only)."""
