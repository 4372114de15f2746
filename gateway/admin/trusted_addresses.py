"""Whether visitors can be told apart by their address here."""

from ipaddress import ip_address
from typing import Any

from gateway.config.settings import Settings
from gateway.core.errors import Refusal


def address_refusal(
    settings: Settings, visitors: dict[str, Any] | None, *, has_tunnel: bool
) -> Refusal | None:
    """Why visitors by address cannot be set up, if so: through a proxy that nobody vouches for,
    every caller would have the same address, or any."""
    by: object = (visitors or {}).get("by")
    if not isinstance(by, list) or "address" not in by:
        return None
    if has_tunnel or settings.tunnel_hostname or settings.trusted_proxies or _is_open(settings):
        return None
    return Refusal(
        "invalid_request",
        "Visitors by address need somebody who tells where they are: set up this server's own "
        "tunnel first (localllm tunnel setup), or name your proxy in TRUSTED_PROXIES.",
        param="visitors",
    )


def _is_open(settings: Settings) -> bool:
    """Callers reach this server themselves, not through a proxy on this machine."""
    try:
        return not ip_address(settings.host).is_loopback
    except ValueError:
        return settings.host != "localhost"
