"""Who calls: the address behind a request, and whether it came from outside through the tunnel.

Cloudflare's edge names the caller in headers that anybody can write. They are believed only from
this machine, where cloudflared runs, and only while a tunnel does; but whoever shows one of them is
treated as a caller from outside, tunnel or not.
"""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

_EDGE = (b"cf-", b"cdn-loop")  # how the names begin that only the edge sets
UNKNOWN = "unknown"


def came_through_tunnel(headers: Mapping[bytes, bytes]) -> bool:
    """Whether Cloudflare's edge left its marks; it leaves them on every request."""
    return any(name.startswith(_EDGE) for name in headers)


def address(scope: Any, headers: Mapping[bytes, bytes], *, tunnel: bool) -> str:
    """The caller's IP address. `tunnel`: whether one of ours runs, or one that we were told of."""
    client = scope.get("client")
    peer = _ip(client[0] if client else None)
    if tunnel and peer is not None and ip_address(peer).is_loopback:
        named = headers.get(b"cf-connecting-ip")
        if named is not None:
            return _ip(named.decode("latin-1")) or peer
    return peer or UNKNOWN


def ray(headers: Mapping[bytes, bytes]) -> str:
    """The edge's name for the request, to find it in Cloudflare's logs; empty if there is none."""
    text = headers.get(b"cf-ray", b"")[:32].decode("latin-1")
    return text if text.replace("-", "").isalnum() and text.isascii() else ""


def neighbourhood(text: str) -> str:
    """What one caller can have any number of: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ip_address(text)
    except ValueError:
        return text
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ip_network((found, 64), strict=False))
    return text


def is_here(text: str) -> bool:
    """Whether it is this machine itself."""
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return False


def _ip(text: str | None) -> str | None:
    try:
        found = ip_address(text) if text else None
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.scope_id:
        return None
    return str(found) if found else None
