"""cloudflared: find, verify, configure, run and supervise it (a later issue)."""
