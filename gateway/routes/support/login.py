"""Who may use the owner's routes: those who show ADMIN_SECRET, and do not guess at it.

Failures are counted by Postgres for each address, so that guessing is as slow over several gateways
and the Supabase function as over one. Callers from outside do not come this far: the middleware
stops them.
"""

import hmac
import logging
from hashlib import sha256
from typing import Any

from gateway.core.errors import Refusal
from gateway.core.repeated_log import RepeatedLog
from gateway.http import client_address
from gateway.routes.support.answers import AnyRequest
from gateway.services import Services

_refused = RepeatedLog(logging.getLogger("localllm"), logging.WARNING)


class Login:
    """Call it with a request; it gives why the request may not go on, if so."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._has_tunnel = services.has_tunnel
        self._proxies = services.settings.trusted_proxies
        self._manages_keys = services.settings.manages_keys
        secret = services.settings.admin_secret
        self._expected = _digest(secret.encode()) if secret else None

    async def __call__(self, request: AnyRequest) -> Refusal | None:
        return await self.of(request.scope)

    async def of(self, scope: Any) -> Refusal | None:
        """The same for a bare ASGI scope."""
        if not self._manages_keys:  # nor could it count who guesses
            return Refusal("keys_elsewhere")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        # HTTP makes one value of several headers of a name. That is never the secret.
        secret = b", ".join(value for name, value in scope["headers"] if name == b"x-admin-secret")
        if not secret:  # nobody has guessed anything, so there is nothing to count
            return Refusal("admin_denied")
        shown = _digest(secret)
        matched = self._expected is not None and hmac.compare_digest(shown, self._expected)
        address = client_address.address(
            scope, headers, tunnel=self._has_tunnel(), proxies=self._proxies
        )
        arguments = {"p_address": address, "p_matched": matched}
        verdict = await self._store.admin("admin_login", arguments)
        if matched and verdict.get("allowed") is True:
            return None
        _refused("a log-in to the admin routes from %s was refused", address)
        wait = verdict.get("retry_after_ms")
        if wait is not None:
            return Refusal("too_many_failures", retry_after_ms=wait)
        return Refusal("admin_denied")


def _digest(secret: bytes) -> bytes:
    return sha256(secret).digest()
