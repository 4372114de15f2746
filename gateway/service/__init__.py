"""Lasting services: the gateway and its tunnel, started by the system's own means."""
