"""The state of this gateway in one answer: what runs and waits, its machines, store and tunnel.

Several gateways can share a store; each tells of itself alone, but for the figures of the store.
"""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID

from gateway.backends.pool import BackendPool
from gateway.backends.scheduler import Scheduler
from gateway.config.preflight import local_url
from gateway.config.settings import Settings
from gateway.overview.machines import Machines
from gateway.overview.running import in_flight_rows, iso
from gateway.overview.store_figures import StoreFigures
from gateway.proxy.inflight import InFlight
from gateway.proxy.outbox import Outbox
from gateway.stores import Store
from tunnel.status_file import StatusWatcher

_VERSION = version("localllm")  # looked up once: it reads a file


class Status:
    """What `GET /admin/status` tells."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        pool: BackendPool,
        scheduler: Scheduler,
        outbox: Outbox,
        tunnel: StatusWatcher,
        in_flight: Mapping[UUID, InFlight],
        figures: StoreFigures,
    ) -> None:
        self._settings = settings
        self._store = store
        self._pool = pool
        self._scheduler = scheduler
        self._outbox = outbox
        self._tunnel = tunnel
        self._in_flight = in_flight
        self._machines = Machines(pool)
        self._figures = figures
        self._started = datetime.now(UTC)

    async def close(self) -> None:
        await self._machines.close()

    async def read(self) -> dict[str, Any]:
        """The JSON of `GET /admin/status`, a `GatewayStatus` of the reference."""
        figures = self._figures
        keys = [one.verdict.key_id for one in self._in_flight.values()]
        await figures.look(key for key in keys if key is not None)
        machines = await self._machines.look()
        running, waiting = in_flight_rows(list(self._in_flight.values()), figures.labels)
        unsent, oldest = self._outbox.backlog()
        up = figures.latency_ms is not None
        return {
            "object": "status",
            "time": iso(datetime.now(UTC)),
            "version": _VERSION,
            "started_at": iso(self._started),
            "gateway": socket.gethostname(),
            "gateways": self._store.gateways,
            "address": self._address(),
            "running": running,
            "waiting": waiting,
            "backends": machines,
            "queue": {"waiting": self._scheduler.queued, "limit": self._scheduler.limit},
            "store": {
                "kind": self._settings.store,
                "state": "up" if up else "down",
                "latency_ms": figures.latency_ms,
            },
            "outbox": {"waiting": unsent, "oldest_seconds": round(oldest, 1)},
            "tunnel": self._tunnel_state(),
            "today": figures.today,
            "month": figures.month,
            "default_model": self._pool.default_model,
        }

    def _address(self) -> str:
        """Where programs call: the public name, if there is one."""
        status = self._tunnel.status
        name = (status.hostname if status else "") or self._settings.tunnel_hostname
        return f"https://{name}" if name else local_url(self._settings.host, self._settings.port)

    def _tunnel_state(self) -> dict[str, Any]:
        status = self._tunnel.status or self._tunnel.failed
        if status is None:
            name = self._settings.tunnel_hostname
            detail = "cloudflared runs without localllm: nothing is known of it." if name else ""
            return {"state": "none", "hostname": name or None, "detail": detail or None}
        up = status.state == "connected"
        return {
            "state": "up" if up else "down",
            "hostname": status.hostname or None,
            "detail": None if up else status.problem or status.state,
        }
