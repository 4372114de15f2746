"""cloudflared: find or install it, configure it, run and supervise it.

Nothing here knows of the gateway's stores, dialects or routes. The gateway asks `tunnel.presence`
whether a tunnel of ours is there.
"""
