"""System services: have the system start the gateway and its tunnel, and keep them running."""
