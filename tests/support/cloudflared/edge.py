"""Cloudflare's edge, on a loopback port: takes requests from outside and leads them to the origin.

A caller may say who it is with `X-Stand-In-Client: ADDRESS`; nobody else can.
"""

import asyncio
import contextlib
import secrets
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.cloudflared.logs import say

ORIGIN_KEEP_ALIVE = 90.0
HELD = 4096  # bytes that http2 holds of a body with a length and a type that is no stream's
STREAMED = ("text/event-stream", "application/x-ndjson", "application/grpc")
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade",
       "proxy-authorization", "proxy-authenticate"}  # fmt: skip
SPOOFED = {"cf-connecting-ip", "cf-ray", "cf-visitor", "cdn-loop", "cf-ipcountry",
           "x-stand-in-client",
           "x-forwarded-proto", "accept-encoding"}  # fmt: skip


class Edge:
    """`rules`: (hostname, service) in order. `names`: hostnames that lead to this tunnel."""

    def __init__(self, rules: list[tuple[str, str]], name: str, protocol: str, silence: float):
        self.rules = rules
        self.connected = False
        self.leaving = False
        self.active = 0
        self.total = 0
        self._name = name
        self._protocol = protocol
        self._silence = silence

    async def start(self, port: int) -> int:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30)
        self._origin = aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            connector=aiohttp.TCPConnector(keepalive_timeout=ORIGIN_KEEP_ALIVE, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)  # type: ignore[arg-type]
        self._runner = web.ServerRunner(server)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        return self._runner.addresses[0][1]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self.connected or self.leaving:
            return web.Response(status=530, text="error code: 1033")
        self.active += 1
        self.total += 1
        try:
            return await self._forward(request)
        finally:
            self.active -= 1

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        if host in {"127.0.0.1", "localhost"}:
            host = self._name
        service = next((s for name, s in self.rules if name in {"", host}), "http_status:404")
        if service.startswith("http_status:"):
            return web.Response(status=int(service.partition(":")[2]))
        url = URL(service.rstrip("/") + request.raw_path, encoded=True)
        try:
            origin = await asyncio.wait_for(
                self._origin.request(
                    request.method,
                    url,
                    headers=self._headers(request, host),
                    data=request.content if request.body_exists else None,
                    allow_redirects=False,
                    skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
                ),
                self._silence,
            )
        except TimeoutError:
            return web.Response(status=524, text="error code: 524")
        except aiohttp.ClientError as problem:
            say("", "error", connIndex=0, event=1, ingressRule=0, originService=service,
                error="Unable to reach the origin service. The service may be down or it may not "
                      f"be responding to traffic from cloudflared: {problem}")  # fmt: skip
            return web.Response(status=502, text="error code: 502")
        try:
            return await self._answer(request, origin)
        finally:
            origin.close() if request.transport is None else origin.release()

    def _headers(self, request: web.BaseRequest, host: str) -> list[tuple[str, str]]:
        peer = request.headers.get("X-Stand-In-Client") or request.remote or "127.0.0.1"
        named = {word.strip().lower() for word in request.headers.get("Connection", "").split(",")}
        kept = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in HOP | SPOOFED | named | {"host", "x-forwarded-for"}
        ]
        before = request.headers.get("X-Forwarded-For")
        return [
            *kept,
            ("Host", host),
            ("Accept-Encoding", "br, gzip"),
            ("CF-Connecting-IP", peer),
            ("CF-Ray", f"{secrets.token_hex(8)}-FRA"),
            ("CF-Visitor", '{"scheme":"https"}'),
            ("CF-IPCountry", "DE"),
            ("CDN-Loop", "cloudflare; loops=1"),
            ("X-Forwarded-For", f"{before}, {peer}" if before else peer),
            ("X-Forwarded-Proto", "https"),
        ]

    async def _answer(
        self, request: web.BaseRequest, origin: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        headers: Any = [(n, v) for n, v in origin.headers.items() if n.lower() not in HOP]
        answer = web.StreamResponse(status=origin.status, headers=headers)
        await answer.prepare(request)
        held = bytearray()
        chunks = origin.content.iter_any()
        try:
            while True:
                chunk = await asyncio.wait_for(anext(chunks), self._silence)
                held += chunk
                if not self._holds(origin) or len(held) >= HELD:
                    await answer.write(bytes(held))
                    held.clear()
        except StopAsyncIteration:
            if held:
                await answer.write(bytes(held))
            await answer.write_eof()
        except (TimeoutError, aiohttp.ClientError):  # the client sees a body that breaks off
            origin.close()
            if request.transport is not None:
                request.transport.abort()
        return answer

    def _holds(self, origin: aiohttp.ClientResponse) -> bool:
        kind = origin.headers.get("Content-Type", "").lower()
        return (
            self._protocol == "http2"
            and "Content-Length" in origin.headers
            and not kind.startswith(STREAMED)
        )

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._runner.shutdown(), 0.1)
        await self._origin.close()
