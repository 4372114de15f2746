"""`GET /health`: 200 when requests can be served, else 503; what is wrong, and no secret.

With several model servers `degraded`, and 200, while some of them do not answer.
"""

import asyncio
import time
from typing import Any

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from gateway.core.errors import Refusal
from gateway.proxy.pipeline import Gateway
from gateway.routes.support.answers import AnyRequest, respond
from gateway.routes.support.health_events import health_events, wants_events
from gateway.stores import StoreUnavailable

_FRESH = 1.0  # seconds; however often it is asked, the parts are asked once in that time


class Health:
    """The state of the parts, looked at when somebody asks."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lock = asyncio.Lock()
        self._looked = 0.0
        self._state: dict[str, Any] = {}

    async def state(self) -> dict[str, Any]:
        async with self._lock:
            if time.monotonic() - self._looked > _FRESH:
                self._state = await self._look()
                self._looked = time.monotonic()
            return self._state

    async def _look(self) -> dict[str, Any]:
        store, model_server = await asyncio.gather(self._store(), self._model_server())
        waiting, oldest = self._gateway.outbox.backlog()
        return {
            "status": model_server["state"] if store == "ok" else "unavailable",
            "store": {"kind": self._gateway.settings.store, "state": store},
            "ollama": model_server,
            "tunnel": {"state": await self._tunnel()},
            "outbox": {"waiting": waiting, "oldest_seconds": round(oldest, 1)},
            "queue": {
                "running": len(self._gateway.in_flight) - self._gateway.scheduler.queued,
                "waiting": self._gateway.scheduler.queued,
            },
        }

    async def _tunnel(self) -> str:
        running = await self._gateway.presence.look()
        if running is not None:
            return running.state
        return "external" if self._gateway.settings.tunnel_hostname else "off"

    async def _store(self) -> str:
        try:
            await self._gateway.store.check()
        except StoreUnavailable:
            return "unavailable"  # why stands in the log: it may name hosts
        return "ok"

    async def _model_server(self) -> dict[str, Any]:
        """Of several machines each, by its number: where they are is nobody's business."""
        pool = self._gateway.pool
        backends = pool.backends
        answers = await asyncio.gather(*(one.client.read("GET", "/v1/models") for one in backends))
        states = ["unavailable" if isinstance(one, Refusal) else "ok" for one in answers]
        state = "unavailable" if "ok" not in states else "ok"
        if len(backends) == 1:
            return {"state": state, "demo": pool.demo}
        if state == "ok" and "unavailable" in states:
            state = "degraded"
        each = {
            f"ollama-{number}": {"state": one, "running": backend.running}
            for number, (backend, one) in enumerate(zip(backends, states, strict=True), 1)
        }
        return {"state": state, "demo": pool.demo, "machines": each}


def health_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    health = Health(gateway)

    @route("/health", http_method=(HttpMethod.GET, HttpMethod.HEAD))
    async def show(request: AnyRequest) -> Response[bytes] | Stream:
        state = await health.state()
        status = 503 if state["status"] == "unavailable" else 200
        if request.method == "GET" and wants_events(request.headers.get("accept", "")):
            return health_events(state, status)
        return respond(request, state, status)

    return [show]
