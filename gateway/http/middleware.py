"""The outermost ring: what holds for every request before any route sees it, and every answer.

Request ids, CORS, paths that could be read in two ways, and the size of headers.
"""

import asyncio
import re
from collections.abc import Callable
from itertools import chain
from typing import Any
from uuid import uuid4

from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.core.record import Listeners
from gateway.dialects import family_of
from gateway.http.cloudflare_access import access
from gateway.http.cors import EXPOSED, Websites, answer_preflight
from gateway.http.exchange import Exchange
from gateway.http.hosts import Hosts

MAX_HEADERS = 32 * 1024  # bytes, as much as Cloudflare lets through
MOST_LINES = 256  # headers; the servers of others take a hundred
# A dot segment, an encoded slash or a doubled one: some parser behind us might read it otherwise.
_UNCLEAR = re.compile(rb"//|/\.{1,2}(/|$)|%2f|%5c|%2e|%00|\\", re.IGNORECASE)
_MODELS = b"/v1/models/"
_SLASH = re.compile(rb"%2f", re.IGNORECASE)
NOSNIFF = (b"x-content-type-options", b"nosniff")  # what is JSON is nothing else to a browser
_ADMIN = ("/admin", "/console")
_DOCS = ("/docs", "/redoc", "/openapi.json")
_OWNERS = (*_ADMIN, "/metrics")  # no page of a website may read them in its owner's browser


class Middleware:
    """Wraps an ASGI application. `has_tunnel`: whether Cloudflare's edge can be the one that
    calls from this machine. `hosts`: which names are answered; by default without a tunnel's.
    `listeners` are told of each request."""

    def __init__(
        self,
        app: Any,
        settings: Settings,
        has_tunnel: Callable[[], bool],
        hosts: Hosts | None = None,
        listeners: Listeners | None = None,
    ) -> None:
        self.app = app
        self._hosts = hosts or Hosts(settings)
        self._listeners = listeners or Listeners()
        self._websites = Websites(settings.cors_origins)
        self._owners = Websites(settings.admin_cors_origins)
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
        record = self._listeners.begin(scope)
        try:
            await self._serve(scope, receive, send, headers)
        except asyncio.CancelledError:  # the server ends, and an error could not be sent any more
            if "connection" not in scope:
                raise
            scope["connection"].cut()
        finally:
            if record is not None:
                self._listeners.end(scope)

    async def _serve(
        self, scope: Any, receive: Any, send: Any, headers: dict[bytes, bytes]
    ) -> None:
        origin, host = headers.get(b"origin"), headers.get(b"host")
        websites = self._owners if scope["path"].startswith(_OWNERS) else self._websites
        request_id = str(scope["request_id"]).encode()
        common = [(b"x-request-id", request_id), NOSNIFF]
        also = family_of(scope["path"]).request_id_headers
        common += [(name, request_id) for name in also]
        refusal = await self._hosts.refusal(scope, host or b"")
        if origin is not None and refusal is None:  # a page of a forged name is nobody's own
            common += websites.grant(origin, host, b", ".join((EXPOSED, *also)))
            foreign = scope["method"] != "OPTIONS" and not websites.allow(origin, host)
            refusal = Refusal("origin_not_allowed") if foreign else None

        refusal = self._refusal(scope, headers) or refusal
        refusal = refusal or await self._locked_out(scope, headers)
        if refusal is not None:
            exchange = Exchange(scope, receive, send)
            exchange.extra += common
            await exchange.refuse(refusal)
            return

        async def reply(message: Any) -> None:
            if message["type"] == "http.response.start":
                if (record := scope.get("record")) is not None:
                    record.http_status = message["status"]
                message["headers"] = [*message.get("headers", ()), *common]
            await send(message)

        if scope["method"] == "OPTIONS":
            await answer_preflight(headers, reply)
            return
        scope["direct"] = send, common  # an Exchange adds the headers itself: no hop for each chunk
        await self.app(scope, receive, reply)

    def _refusal(self, scope: Any, headers: dict[bytes, bytes]) -> Refusal | None:
        size = sum(map(len, chain.from_iterable(scope["headers"])))
        if size > MAX_HEADERS or len(scope["headers"]) > MOST_LINES:
            return Refusal("headers_too_large")
        if len(headers) < len(scope["headers"]) and _hosts(scope["headers"]) > 1:
            return Refusal("invalid_request", "The request has several Host headers.")
        raw_path = scope.get("raw_path") or scope["path"].encode()
        if raw_path.startswith(_MODELS):  # clients encode the slash of a name; it goes nowhere else
            raw_path = _SLASH.sub(b"/", raw_path)
        if _UNCLEAR.search(raw_path) or not scope["path"].isprintable():
            return Refusal("not_found", "There is no such path.")
        if scope["path"].startswith(self._closed) and self._hosts.is_outside(scope, headers):
            if scope["path"].startswith(_ADMIN):
                return Refusal("admin_through_tunnel")
            return Refusal("not_found", "This page does not answer through the tunnel.")
        return None

    async def _locked_out(self, scope: Any, headers: dict[bytes, bytes]) -> Refusal | None:
        """What Cloudflare Access did not let in; a preflight cannot show that it did."""
        if self._access is None or scope["method"] == "OPTIONS":
            return None
        if not self._hosts.is_outside(scope, headers):
            return None
        return await self._access.refusal(headers)


def _hosts(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(name == b"host" for name, _ in headers)
