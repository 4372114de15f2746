"""The state of the parts, looked at when somebody asks.

It holds no secret. With several model servers it is `degraded` while some of them do not answer.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.backends.backend import Backend
from gateway.backends.pool import BackendPool
from gateway.backends.scheduler import Scheduler
from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.proxy.inflight import InFlight
from gateway.proxy.outbox import Outbox
from gateway.stores import Store, StoreUnavailable
from tunnel.problems import is_known
from tunnel.status_file import StatusWatcher

_FRESH = 1.0  # seconds; however often it is asked, the parts are asked once in that time


@dataclass(frozen=True)
class Parts:
    """Whose state is told: to everybody by Health, to the owner by `overview.status`."""

    settings: Settings
    store: Store
    pool: BackendPool
    scheduler: Scheduler
    outbox: Outbox
    tunnel: StatusWatcher
    in_flight: Mapping[UUID, InFlight]


class Health:
    """What `GET /health` and the start page tell."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = asyncio.Lock()
        self._looked = 0.0
        self._state: dict[str, Any] = {}

    async def state(self) -> dict[str, Any]:
        """The JSON of `GET /health`; `status` is ok, degraded or unavailable."""
        async with self._lock:
            if time.monotonic() - self._looked > _FRESH:
                self._state = await self._look()
                self._looked = time.monotonic()
            return self._state

    async def _look(self) -> dict[str, Any]:
        store, model_server = await asyncio.gather(self._store_state(), self._model_server())
        waiting, oldest = self._parts.outbox.backlog()
        queued = self._parts.scheduler.queued
        disk = "ok" if self._parts.outbox.file.has_room() else "unavailable"
        return {
            "status": model_server["state"] if store == disk == "ok" else "unavailable",
            "store": {"kind": self._parts.settings.store, "state": store},
            "ollama": model_server,
            "tunnel": await self._tunnel_state(),
            "outbox": {"state": disk, "waiting": waiting, "oldest_seconds": round(oldest, 1)},
            "queue": {"running": len(self._parts.in_flight) - queued, "waiting": queued},
        }

    async def _tunnel_state(self) -> dict[str, str]:
        """With what keeps it from working, where that is one of the known problems: what else
        cloudflared says may name hosts."""
        status = await self._parts.tunnel.refresh() or self._parts.tunnel.failed
        if status is None:
            return {"state": "external" if self._parts.settings.tunnel_hostname else "off"}
        problem = {"problem": status.problem} if is_known(status.problem) else {}
        return {"state": status.state, **problem}

    async def _store_state(self) -> str:
        try:
            await self._parts.store.check()
        except StoreUnavailable:
            return "unavailable"  # why stands in the log: it may name hosts
        return "ok"

    async def _model_server(self) -> dict[str, Any]:
        """Of several machines each, by its number: where they are is nobody's business."""
        backends, demo = self._parts.pool.backends, self._parts.pool.demo
        answers, _ = await asyncio.gather(
            asyncio.gather(*(one.client.read("GET", "/v1/models") for one in backends)),
            asyncio.gather(*(one.loaded.look() for one in backends if not one.models.foreign)),
        )
        states = ["unavailable" if isinstance(one, Refusal) else "ok" for one in answers]
        state = "unavailable" if "ok" not in states else "ok"
        if len(backends) == 1:
            return {"state": state, "demo": demo, "loaded": _loaded(backends[0])}
        if state == "ok" and "unavailable" in states:
            state = "degraded"
        each = {
            f"ollama-{number}": {
                "state": one,
                "running": backend.in_use,
                "loaded": _loaded(backend),
            }
            for number, (backend, one) in enumerate(zip(backends, states, strict=True), 1)
        }
        return {"state": state, "demo": demo, "machines": each}


def _loaded(backend: Backend) -> list[dict[str, Any]]:
    """The models in memory: their context in tokens, and where they run."""
    return [
        {"model": name, "context": one.context_length, "processor": one.processor}
        for name, one in sorted(backend.loaded.seen.items())
    ]
