"""Who may use the owner's routes: those who show ADMIN_SECRET, and do not guess at it.

Failures are counted by Postgres for each address, so that guessing is as slow over several gateways
and the Supabase function as over one.
"""

import hmac
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, cast

from gateway.errors import Refusal
from gateway.routes.answers import AnyRequest
from gateway.settings import Settings
from gateway.stores import Store

_TUNNEL_MARKS = ("cf-ray", "cf-connecting-ip", "cdn-loop")  # set by Cloudflare's edge


class Login:
    """Call it with a request; it gives why the request may not go on, if so."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._through_tunnel = settings.admin_through_tunnel
        self._expected = _digest(settings.admin_secret.encode()) if settings.admin_secret else None

    async def __call__(self, request: AnyRequest) -> Refusal | None:
        if not self._through_tunnel and any(mark in request.headers for mark in _TUNNEL_MARKS):
            return Refusal("admin_through_tunnel")
        secret = request.headers.get("x-admin-secret")
        if not secret:  # nobody has guessed anything, so there is nothing to count
            return Refusal("admin_denied")
        shown = _digest(secret.encode("latin-1", "replace"))  # the bytes that were sent
        matched = self._expected is not None and hmac.compare_digest(shown, self._expected)
        arguments = {"p_address": self._address(request), "p_matched": matched}
        verdict = await self._store.admin("admin_login", arguments)
        if matched and verdict.get("allowed") is True:
            return None
        wait = verdict.get("retry_after_ms")
        if wait is not None:
            return Refusal("too_many_failures", retry_after_ms=wait)
        return Refusal("admin_denied")

    def _address(self, request: AnyRequest) -> str:
        """The peer; behind our own end of the tunnel, whom Cloudflare's edge names.

        Who names anyone while the tunnel is closed has been refused by now.
        """
        peer = _ip(cast(dict[str, Any], request.scope).get("client"))
        named = request.headers.get("cf-connecting-ip")
        if named and peer and ip_address(peer).is_loopback:
            return _ip((named,)) or peer
        return peer or "unknown"


def _digest(secret: bytes) -> bytes:
    return sha256(secret).digest()


def _ip(client: tuple[Any, ...] | None) -> str | None:
    try:
        return str(ip_address(client[0])) if client else None
    except ValueError:
        return None
