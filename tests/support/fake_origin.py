"""What could stand behind a public address: a gateway with a fault, or something else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

SENT = (0, 100, 200)  # milliseconds, as it says


class FakeOrigin:
    """Without a fault it is as a gateway should be."""

    def __init__(self) -> None:
        self.port = 0
        self.silent = False
        self.holds_back = False
        self.breaks_off = False
        self.is_ollama = False
        self.open: set[str] = set()  # paths
        self.admin_status = 200
        self.preflight = {
            "access-control-allow-origin": "*",
            "access-control-allow-headers": "authorization, content-type",
        }
        self.login = ""  # of Cloudflare Access, where it asks for one
        self.preflight_login = ""
        self.streams = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if self.silent:
            await asyncio.Event().wait()
        if self.is_ollama:
            return web.Response(status=404, text="404 page not found")
        ours = {"x-request-id": "1"}
        login = self.preflight_login if request.method == "OPTIONS" else self.login
        if login:
            return web.Response(status=302, headers={"location": login})
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=ours | self.preflight)
        if path == "/health":
            return await self.events(request)
        if path in self.open:
            status = self.admin_status if path.startswith("/admin") else 200
            return web.json_response({}, status=status, headers=ours)
        return web.json_response({"error": {}}, status=404, headers=ours)

    async def events(self, request: web.BaseRequest) -> web.StreamResponse:
        self.streams += 1
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        events = [
            b"data: %s\n\n" % json.dumps(
                {"status": "ok", "instance": "fake", "sent_ms": sent}
            ).encode()
            for sent in SENT
        ]  # fmt: skip
        if self.holds_back:
            await answer.write(b"".join(events))
            return answer
        for number, event in enumerate(events):
            if number:
                await asyncio.sleep((SENT[number] - SENT[number - 1]) / 1000)
            await answer.write(event)
            if self.breaks_off and request.transport is not None:
                request.transport.abort()
                break
        return answer


@asynccontextmanager
async def fake_origin() -> AsyncIterator[FakeOrigin]:
    fake = FakeOrigin()
    server = web.Server(fake.answer, access_log=None, handler_cancellation=True)  # type: ignore[arg-type]
    runner = web.ServerRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.port = runner.addresses[0][1]
    try:
        yield fake
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(runner.shutdown(), 0.1)
        await runner.cleanup()
