"""cloudflared: find or install it, configure it, run and supervise it.

Nothing here knows of the gateway's stores, dialects or routes. The gateway reads from
`tunnel.status_file` whether a tunnel runs.
"""
