"""What the owner does with keys and usage, for routes and the command line."""
