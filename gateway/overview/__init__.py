"""What the owner sees of a running gateway: its requests, machines and figures."""
