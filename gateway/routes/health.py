"""`GET /health`: 200 when requests can be served, else 503; what is wrong, and no secret."""

import asyncio
import time
from typing import Any

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler

from gateway.errors import Refusal
from gateway.pipeline import Gateway
from gateway.routes.answers import AnyRequest, respond
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
        good = store == "ok" and model_server["state"] == "ok"
        return {
            "status": "ok" if good else "unavailable",
            "store": {"kind": self._gateway.settings.store, "state": store},
            "ollama": model_server,
            "tunnel": {"state": "off"},
            "outbox": {"waiting": waiting, "oldest_seconds": round(oldest, 1)},
            "queue": {
                "running": len(self._gateway.running) - self._gateway.scheduler.queued,
                "waiting": self._gateway.scheduler.queued,
            },
        }

    async def _store(self) -> str:
        try:
            await self._gateway.store.check()
        except StoreUnavailable:
            return "unavailable"  # why stands in the log: it may name hosts
        return "ok"

    async def _model_server(self) -> dict[str, Any]:
        upstream = self._gateway.upstream
        demo = upstream.target.listed_only
        answer = await upstream.read("GET", "/v1/models")
        return {"state": "unavailable" if isinstance(answer, Refusal) else "ok", "demo": demo}


def health_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    health = Health(gateway)

    @route("/health", http_method=(HttpMethod.GET, HttpMethod.HEAD))
    async def show(request: AnyRequest) -> Response[bytes]:
        state = await health.state()
        return respond(request, state, 200 if state["status"] == "ok" else 503)

    return [show]
