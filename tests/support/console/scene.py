"""A gateway with a real database, whose present state is what a test says.

The routes that tell of the present are answered here: a test can have ten requests wait, a model
server away or a stream that breaks without making them so. All other routes are the gateway's own.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from copy import deepcopy
from pathlib import Path
from typing import Any

from gateway.app import make_services
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.reference.overview_examples import LOGGED, RUNNING, STATUS
from gateway.stores.postgres import PostgresStore
from tests.support.bare_gateway import served

SECRET = "for-tests-only-größer"
HOSTILE = "</td><img src=x onerror=alert(1)><script>alert(2)</script> ${alert(3)}"
FINDINGS = [
    {"title": "store", "state": "ok", "text": "It answers in 2 ms.", "remedy": None},
    {
        "title": "ollama-2",
        "state": "warning",
        "text": "It runs (`ollama serve`) with a context of 4096 tokens.",
        "remedy": "Set OLLAMA_CONTEXT_LENGTH=16384 and start it again.",
    },
    {
        "title": "tunnel",
        "state": "failed",
        "text": f"{HOSTILE} does not lead here.",
        "remedy": "Run: localllm tunnel setup",
    },
]


class Scene:
    """What the routes say, to be changed by a test; `tell` lets the pages that listen know."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = deepcopy(STATUS)
        self.status["address"] = "https://llm.example.com"
        self.log: list[dict[str, Any]] = [logged(number) for number in range(12)]
        self.findings: list[dict[str, Any]] = deepcopy(FINDINGS)
        self.cancelled: list[str] = []
        self.refused: dict[str, dict[str, Any]] = {}  # what is posted there, with which error
        self.away = False  # as while the gateway starts again
        self.url = ""
        self._listening: set[asyncio.Queue[tuple[str, Any] | None]] = set()

    def tell(self, event: str = "status", data: Any = None) -> None:
        for queue in self._listening:
            queue.put_nowait((event, data or self.status))

    def drop(self) -> None:
        """Break all streams."""
        for queue in self._listening:
            queue.put_nowait(None)

    @property
    def listeners(self) -> int:
        return len(self._listening)

    def around(self, app: Any) -> Any:
        async def call(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            if scope["type"] == "http" and scope["method"] == "POST" and path in self.refused:
                await _json(send, {"error": self.refused[path]}, 400)
            elif scope["type"] != "http" or not self._tells(path):
                await app(scope, receive, send)
            elif self.away:
                error = {"message": "The server starts.", "code": "server_is_overloaded"}
                await _json(send, {"error": error}, 503)
            elif dict(scope["headers"]).get(b"x-admin-secret", b"").decode() != SECRET:
                error = {"message": "Wrong.", "code": "invalid_admin_secret"}
                await _json(send, {"error": error}, 401)
            elif path == "/admin/events":
                await self._events(receive, send)
            else:
                await _json(send, self._answer(path))

        return call

    def _tells(self, path: str) -> bool:
        told = ("/admin/status", "/admin/events", "/admin/requests", "/admin/doctor")
        return path.startswith(told)

    def _answer(self, path: str) -> Any:
        if path.endswith("/cancel"):
            ended = path.split("/")[3]
            self.cancelled.append(ended)
            return {"object": "request", "id": ended, "cancelled": True}
        if path == "/admin/doctor":
            return {"object": "doctor", "findings": self.findings}
        if path == "/admin/requests":
            return {"object": "list", "data": self.log, "next_cursor": None}
        return self.status

    async def _events(self, receive: Any, send: Any) -> None:
        queue: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue()
        queue.put_nowait(("status", self.status))
        self._listening.add(queue)
        leaving = asyncio.create_task(_left(receive, queue))
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            while told := await queue.get():
                text = f": beat\n\nevent: {told[0]}\ndata: {json.dumps(told[1])}\n\n"
                body = {"type": "http.response.body", "body": text.encode(), "more_body": True}
                await send(body)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
            self._listening.discard(queue)


async def _left(receive: Any, queue: asyncio.Queue[tuple[str, Any] | None]) -> None:
    """Ends a stream whose client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    queue.put_nowait(None)


def logged(number: int, **changes: Any) -> dict[str, Any]:
    return {
        **LOGGED,
        "id": f"0f8fad5b-d9cb-469f-a165-{number:012}",
        "time": f"2026-11-24T03:{59 - number:02}:00Z",
        **changes,
    }


def running(number: int, **changes: Any) -> dict[str, Any]:
    return {**RUNNING, "id": f"1f8fad5b-d9cb-469f-a165-{number:012}", **changes}


async def _json(send: Any, answer: Any, status: int = 200) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@contextlib.asynccontextmanager
async def console_scene(dsn: str, folder: Path, **settings: Any) -> AsyncGenerator[Scene]:
    scene = Scene()
    store = await PostgresStore.open(dsn)
    tunnel = {"tunnel_hostname": "llm.example.com"}  # as STATUS says
    given = Settings(data_dir=folder, admin_secret=SECRET, **{**tunnel, **settings})
    services = make_services(given, store, BackendPool(given))
    try:
        async with served(services, around=scene.around) as url:
            scene.url = url
            yield scene
            scene.drop()
    finally:
        services.outbox.close()
        await store.close()
