"""The outermost ring: what holds for every request before any route sees it, and every answer.

Request ids, CORS, paths that could be read in two ways, and the size of headers.
"""

import logging
import re
import time
from collections.abc import Callable
from itertools import chain
from typing import Any
from uuid import uuid4

from gateway.config.settings import Settings
from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.core.origins import cors_pattern
from gateway.dialects import family_of
from gateway.http import client_address
from gateway.http.cloudflare_access import access
from gateway.http.exchange import Exchange
from gateway.http.rate_headers import RATE_HEADERS

MAX_HEADERS = 32 * 1024  # bytes, as much as Cloudflare lets through
# A dot segment, an encoded slash or a doubled one: some parser behind us might read it otherwise.
_UNCLEAR = re.compile(rb"//|/\.{1,2}(/|$)|%2f|%5c|%2e|%00|\\", re.IGNORECASE)
_MODELS = b"/v1/models/"
_SLASH = re.compile(rb"%2f", re.IGNORECASE)
EXPOSED = b", ".join(
    (
        *(b"x-request-id", b"retry-after", b"x-should-retry"),
        *(b"x-localllm-ignored", b"x-localllm-prompt-cut"),
        *RATE_HEADERS,
    )
)
_ADMIN = ("/admin",)
_DOCS = ("/docs", "/redoc", "/openapi.json", "/metrics")
_log = logging.getLogger("localllm.http")
METHODS = b"GET, POST, PATCH, DELETE, OPTIONS"
MAX_AGE = 7200  # seconds that a browser may remember a preflight
_DEFAULT_HEADERS = b"authorization, x-api-key, api-key, content-type, anthropic-version"


class Middleware:
    """Wraps an ASGI application. `has_tunnel`: whether Cloudflare's edge can be the one that
    calls from this machine."""

    def __init__(self, app: Any, settings: Settings, has_tunnel: Callable[[], bool]) -> None:
        self.app = app
        self._has_tunnel = has_tunnel
        self._any = "*" in settings.cors_origins  # websites whose pages may call
        self._origins = {origin.lower().encode() for origin in settings.cors_origins}
        self._patterns = cors_pattern(settings.cors_origins)
        self._access = access(settings)
        self._closed = (  # to callers from outside
            *(() if settings.admin_through_tunnel else _ADMIN),
            *(() if settings.docs_through_tunnel else _DOCS),
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["request_id"] = uuid4()
        headers = dict(scope["headers"])
        started = time.monotonic()
        await self._serve(scope, receive, send, headers)
        if _log.isEnabledFor(logging.DEBUG):
            spent = (time.monotonic() - started) * 1000
            path = keys.hide(scope["path"])
            path = path if path.isprintable() else ascii(path)
            who = client_address.address(scope, headers, tunnel=self._has_tunnel())
            ray = client_address.ray(headers)
            who = f"{who} (ray {ray})" if ray else who
            _log.debug("%s %s %s %.0f ms", who, scope["method"], path, spent)

    async def _serve(
        self, scope: Any, receive: Any, send: Any, headers: dict[bytes, bytes]
    ) -> None:
        origin = headers.get(b"origin")
        request_id = str(scope["request_id"]).encode()
        common = [(b"x-request-id", request_id)]
        also = family_of(scope["path"]).request_id_headers
        common += [(name, request_id) for name in also]
        if origin is not None:
            common += self._grant(origin, headers, b", ".join((EXPOSED, *also)))

        refusal = self._refusal(scope, headers, origin) or await self._locked_out(scope, headers)
        if refusal is not None:
            exchange = Exchange(scope, receive, send)
            exchange.extra += common
            await exchange.refuse(refusal)
            return

        async def reply(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *common]
            await send(message)

        if scope["method"] == "OPTIONS":
            await _preflight(headers, reply)
            return
        scope["direct"] = send, common  # an Exchange adds the headers itself: no hop for each chunk
        await self.app(scope, receive, reply)

    def _refusal(
        self, scope: Any, headers: dict[bytes, bytes], origin: bytes | None
    ) -> Refusal | None:
        if sum(map(len, chain.from_iterable(scope["headers"]))) > MAX_HEADERS:
            return Refusal("headers_too_large")
        raw_path = scope.get("raw_path") or scope["path"].encode()
        if raw_path.startswith(_MODELS):  # clients encode the slash of a name; it goes nowhere else
            raw_path = _SLASH.sub(b"/", raw_path)
        if _UNCLEAR.search(raw_path) or not scope["path"].isprintable():
            return Refusal("not_found", "There is no such path.")
        if scope["path"].startswith(self._closed) and client_address.came_through_tunnel(headers):
            if scope["path"].startswith(_ADMIN):
                return Refusal("admin_through_tunnel")
            return Refusal("not_found", "This page does not answer through the tunnel.")
        foreign = origin is not None and not self._allowed(origin, headers)
        if foreign and scope["method"] != "OPTIONS":
            return Refusal("origin_not_allowed")
        return None

    async def _locked_out(self, scope: Any, headers: dict[bytes, bytes]) -> Refusal | None:
        """What Cloudflare Access did not let in; a preflight cannot show that it did."""
        if self._access is None or scope["method"] == "OPTIONS":
            return None
        return (
            await self._access.refusal(headers)
            if client_address.came_through_tunnel(headers)
            else None
        )

    def _allowed(self, origin: bytes, headers: dict[bytes, bytes]) -> bool:
        own = origin.partition(b"://")[2] == headers.get(b"host")
        if self._any or own or (lower := origin.lower()) in self._origins:
            return True
        return bool(self._patterns and self._patterns.fullmatch(lower.decode("latin-1")))

    def _grant(
        self, origin: bytes, headers: dict[bytes, bytes], exposed: bytes
    ) -> list[tuple[bytes, bytes]]:
        grant = [(b"vary", b"Origin")]
        if self._allowed(origin, headers):
            grant.append((b"access-control-allow-origin", b"*" if self._any else origin))
            grant.append((b"access-control-expose-headers", exposed))
        return grant


async def _preflight(headers: dict[bytes, bytes], send: Any) -> None:
    """Say yes to the headers that are asked for: SDKs send x-stainless-* and more."""
    asked = headers.get(b"access-control-request-headers") or _DEFAULT_HEADERS
    answer = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", b"%d" % MAX_AGE),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": answer})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
