"""What the store knows for the overview: today's and this month's use, and the labels of keys."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from gateway.stores import Store, StoreUnavailable

_FRESH = 5.0  # seconds; a key that is not known yet is asked for sooner
_PAUSE = 1.0  # seconds between two questions at least
_MOST_LABELS = 2000  # then those that are not asked for are forgotten
_PATIENCE = 3.0  # seconds; a store that takes longer is told as down


class StoreFigures:
    """`today` and `month` are None until the store has told; `latency_ms` is None while it does
    not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked = -_FRESH
        self._lock = asyncio.Lock()
        self.labels: dict[UUID, str] = {}
        self.today: dict[str, int] | None = None
        self.month: dict[str, int] | None = None
        self.latency_ms: float | None = None

    async def look(self, keys: Iterable[UUID]) -> None:
        """Ask anew, if that is due."""
        async with self._lock:
            wanted = set(keys)
            age = time.monotonic() - self._asked
            if age > _FRESH or (age > _PAUSE and wanted - self.labels.keys()):
                await self._ask(wanted)

    async def _ask(self, wanted: set[UUID]) -> None:
        began = self._asked = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE):
                told = await self._store.admin("owner_figures", {"p_keys": list(wanted)})
        except (StoreUnavailable, TimeoutError):
            self.latency_ms = None
            return
        self.latency_ms = round((time.monotonic() - began) * 1000, 1)
        labels: dict[str, Any] = told["keys"]
        told_now = {UUID(key): label for key, label in labels.items()}
        self.labels = told_now if len(self.labels) > _MOST_LABELS else self.labels | told_now
        self.today, self.month = told["today"], told["month"]
