"""The model servers: a pool of them, one client each, what they have, whose turn it is."""
