"""A stand-in for cloudflared: its flags, files, endpoints, log lines, exit codes and signals, as
measured with cloudflared 2026.8.2, and a Cloudflare edge on a loopback port before it.

Not the real one: it speaks to no edge but its own, knows no QUIC, and asks nobody for an account.
"""
