"""How long a test waits for what has to happen at once."""

# Seconds. One is promised, the rest is for a busy machine; a heartbeat would come after 15.
AT_ONCE = 10.0
