"""Administration of keys and usage, for the admin routes and the command line."""
