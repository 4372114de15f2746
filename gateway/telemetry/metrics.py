"""What `/metrics` says, made when it is asked for."""

import asyncio
import importlib

from gateway.services import Services
from gateway.telemetry.gauges import gauges
from gateway.telemetry.key_figures import KeyFigures


class Metrics:
    """The page for Prometheus."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keys = KeyFigures(services.store)

    async def page(self, accept: str) -> tuple[bytes, str]:
        """The page in a form that the client accepts, and its content type."""
        figures = self._services.figures
        keys = figures.keys()
        told, _ = await asyncio.gather(gauges(self._services), self._keys.look(keys))
        # Not at each start, and in a thread: it reads files, and most never look at metrics.
        await asyncio.to_thread(importlib.import_module, "gateway.telemetry.exposition")
        from gateway.telemetry.exposition import Snapshot

        told += self._keys.gauges
        snapshot = Snapshot(figures, told, self._keys.labels)
        return await asyncio.to_thread(snapshot.text, accept)
