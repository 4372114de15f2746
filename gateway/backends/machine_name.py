"""What the owner reads as the name of a model server's machine."""

import socket
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

LONGEST = 100  # characters
_OLLAMAS_PORT = 11434
DEMO = "demo"  # the built-in model, on whichever port


@lru_cache(maxsize=64)
def machine_name(base_url: str) -> str:
    """Such as `den-pc` or `10.0.0.7:8080/second`: the host, and what else tells it from another on
    the same machine. This machine has its own name, since several gateways may share one log."""
    parts = urlsplit(base_url)
    host = parts.hostname or "?"
    if _is_here(host):
        host = socket.gethostname() or host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    shown = "" if port == _OLLAMAS_PORT else f":{port}"
    named = f"[{host}]{shown}" if ":" in host else f"{host}{shown}"
    return f"{named}{parts.path.rstrip('/')}"[:LONGEST]


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
