"""The state of this gateway in one answer: what runs and waits, its machines, store and tunnel.

Several gateways can share a store; each tells of itself alone, but for the figures of the store.
"""

import socket
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from gateway.config.preflight import local_url
from gateway.http.hosts import Hosts
from gateway.overview.machines import Machines
from gateway.overview.running import in_flight_rows, iso
from gateway.overview.store_figures import StoreFigures
from gateway.proxy.health import Parts

_VERSION = version("localllm")  # looked up once: it reads a file


class Status:
    """What `GET /admin/status` tells."""

    def __init__(self, parts: Parts, hosts: Hosts, figures: StoreFigures) -> None:
        self._parts = parts
        self._hosts = hosts
        self._machines = Machines(parts.pool)
        self._figures = figures
        self._started = datetime.now(UTC)

    async def close(self) -> None:
        await self._machines.close()

    async def read(self) -> dict[str, Any]:
        """The JSON of `GET /admin/status`, a `GatewayStatus` of the reference."""
        parts, figures = self._parts, self._figures
        keys = [one.verdict.key_id for one in parts.in_flight.values()]
        await figures.look(key for key in keys if key is not None)
        machines = await self._machines.look()
        running, waiting = in_flight_rows(list(parts.in_flight.values()), figures.labels)
        unsent, oldest = parts.outbox.backlog()
        up = figures.latency_ms is not None
        return {
            "object": "status",
            "time": iso(datetime.now(UTC)),
            "version": _VERSION,
            "started_at": iso(self._started),
            "gateway": socket.gethostname(),
            "gateways": parts.store.gateways,
            "address": self._address(),
            "running": running,
            "waiting": waiting,
            "backends": machines,
            "queue": {"waiting": parts.scheduler.queued, "limit": parts.scheduler.limit},
            "store": {
                "kind": parts.settings.store,
                "state": "up" if up else "down",
                "latency_ms": figures.latency_ms,
            },
            "outbox": {"waiting": unsent, "oldest_seconds": round(oldest, 1)},
            "tunnel": self._tunnel_state(),
            "today": figures.today,
            "month": figures.month,
            "default_model": parts.pool.default_model,
        }

    def _address(self) -> str:
        """Where programs call: the public name, if there is one."""
        settings, name = self._parts.settings, self._hosts.public_name
        return f"https://{name}" if name else local_url(settings.host, settings.port)

    def _tunnel_state(self) -> dict[str, Any]:
        status = self._parts.tunnel.status or self._parts.tunnel.failed
        if status is None:
            name = self._parts.settings.tunnel_hostname
            detail = "cloudflared runs without localllm: nothing is known of it." if name else ""
            return {"state": "none", "hostname": name or None, "detail": detail or None}
        up = status.state == "connected"
        return {
            "state": "up" if up else "down",
            "hostname": status.hostname or None,
            "detail": None if up else status.problem or status.state,
        }
