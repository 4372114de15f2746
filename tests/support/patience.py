"""How long a test waits for what has to happen at once."""

AT_ONCE = 5.0  # seconds; a second is promised, the rest is for a busy machine. A heartbeat takes 15
