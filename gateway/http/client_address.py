"""Who calls: the address behind a request, and whether a tunnel or a proxy passed it on.

Proxies name the caller in headers that anybody can write. Cloudflare's is believed only from this
machine, where cloudflared runs, and only while a tunnel does; X-Forwarded-For only from
TRUSTED_PROXIES. But whoever shows one of them is treated as a caller from outside. One who comes
from this machine, and for whom nobody vouches, is nobody in particular: not the machine itself.
"""

from collections.abc import Collection, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

# How the names of headers begin that tunnels and proxies add: Cloudflare's, ngrok's, Tailscale's,
# those of nginx, Caddy, Traefik, Envoy, HAProxy and what the clouds put before a server.
_MARKS = (
    *(b"cf-", b"cdn-loop", b"x-forwarded", b"forwarded", b"via", b"x-real-ip", b"true-client-ip"),
    *(b"x-original-", b"x-client-ip", b"x-cluster-client-ip", b"x-envoy-", b"x-proxyuser-ip"),
    *(b"ngrok-", b"x-ngrok-", b"tailscale-", b"fly-", b"x-azure-", b"x-amzn-trace-id"),
)
UNKNOWN = "unknown"
_MOST_HOPS = 16  # of X-Forwarded-For that are looked at; a stranger can write thousands
IPV6_SITE = 56  # bits: what a home or a small company is given
Networks = Collection[IPv4Network | IPv6Network]


def was_forwarded(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a tunnel or a proxy left its marks. Cloudflare's edge does so on every request."""
    return any(name.startswith(_MARKS) for name in headers)


def address(
    scope: Any, headers: Mapping[bytes, bytes], *, tunnel: bool, proxies: Networks = ()
) -> str:
    """The caller's IP address. `tunnel`: whether one of ours runs, or one that we were told of;
    `proxies`: those whose X-Forwarded-For is believed."""
    client = scope.get("client")
    peer = _ip(client[0] if client else None)
    if peer is None:
        return UNKNOWN
    here = ip_address(peer).is_loopback
    edge = headers.get(b"cf-connecting-ip") if tunnel and here else None
    if edge is not None:
        return _ip(edge.decode("latin-1")) or UNKNOWN
    if _is_among(peer, proxies) and (named := _named_by(headers, proxies)):
        return named
    return UNKNOWN if here and was_forwarded(headers) else peer


def _named_by(headers: Mapping[bytes, bytes], proxies: Networks) -> str | None:
    """The last address of X-Forwarded-For that is no proxy's: each proxy adds whom it has seen."""
    hops = headers.get(b"x-forwarded-for", b"").decode("latin-1").rsplit(",", _MOST_HOPS)
    found = None
    for hop in reversed(hops[-_MOST_HOPS:]):
        found = _ip(hop.strip())
        if found is None or not _is_among(found, proxies):
            break
    return found


def _is_among(text: str, networks: Networks) -> bool:
    return bool(networks) and any(ip_address(text) in network for network in networks)


def ray(headers: Mapping[bytes, bytes]) -> str:
    """The edge's name for the request, to find it in Cloudflare's logs; empty if there is none."""
    text = headers.get(b"cf-ray", b"")[:32].decode("latin-1")
    return text if text.replace("-", "").isalnum() and text.isascii() else ""


def neighbourhood(text: str) -> str:
    """What one caller has: an IPv4 address, or the /56 around an IPv6 one."""
    try:
        found = ip_address(text)
    except ValueError:
        return text
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ip_network((found, IPV6_SITE), strict=False))
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
