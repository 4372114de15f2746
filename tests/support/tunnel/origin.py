"""A small server behind the tunnel, whose stream goes on when a test says so."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.support.serving import serving


@dataclass
class Origin:
    """`asked`: the raw path and headers of each request."""

    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)  # a client left in mid-stream

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.raw_path, dict(request.headers)))
        if request.path == "/echo":
            return web.Response(body=await request.read(), status=201)
        if not request.path.startswith("/stream"):
            return web.Response(text="hello")
        length = "length" in request.path
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        if length:
            answer.content_length = 8
        try:
            await answer.prepare(request)
            await answer.write(b"one ")
            await self.go_on.wait()
            await answer.write(b"two\n")
            await answer.write_eof()
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise
        return answer


@asynccontextmanager
async def origin() -> AsyncGenerator[Origin]:
    running = Origin()
    server = web.Server(running.handle, access_log=None, handler_cancellation=True)  # type: ignore[arg-type]
    async with serving(web.ServerRunner(server, shutdown_timeout=1)) as running.url:
        try:
            yield running
        finally:
            running.go_on.set()
