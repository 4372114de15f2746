"""The presets of the store, as this gateway knows them: never older than ten seconds, unless the
store is away."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.dialects.shared.preset import Preset
from gateway.stores import Store, StoreUnavailable

OLDEST = 10.0  # seconds
_EARLY = 5.0  # after so long they are read again, while they are still used
_AWAY = 2.0  # seconds that are waited for a store while older ones are at hand
_NEVER = float("-inf")
_log = logging.getLogger("localllm")


class Presets:
    """`grace`: seconds for which old ones do while the store is away."""

    def __init__(self, store: Store, grace: float = 0.0) -> None:
        self._store = store
        self._grace = max(grace, OLDEST)
        self._known: dict[str, Preset] = {}  # by the name that callers use
        self._read_at = _NEVER
        self._changed_at = _NEVER
        self._failed_at = _NEVER
        self._reading: asyncio.Task[None] | None = None

    def known(self) -> Mapping[str, Preset] | None:
        """Those that may be used as they are; None: `read` them first."""
        now = time.monotonic()
        if now - self._failed_at < _AWAY and now - self._read_at < self._grace:
            return self._known
        if self._read_at < self._changed_at or now - self._read_at > OLDEST:
            return None
        return self._known

    def used(self) -> None:
        """Somebody asks for one: the next one should not have to wait."""
        if time.monotonic() - self._read_at > _EARLY:
            self._begin()

    async def read(self) -> Mapping[str, Preset]:
        """All of them. Raises StoreUnavailable."""
        while (known := self.known()) is None:
            begun_at = time.monotonic()
            reading = self._begin()
            has_old = begun_at - self._read_at < self._grace
            await asyncio.wait({reading}, timeout=_AWAY if has_old else None)
            if not reading.done():
                self._failed_at = time.monotonic()
            elif not reading.cancelled() and (problem := reading.exception()):
                if not has_old:
                    raise problem
            elif self._read_at < self._changed_at:
                continue  # it had begun before the change
        return known

    def changed(self) -> None:
        """They were changed through this gateway."""
        self._changed_at = time.monotonic()
        self._failed_at = _NEVER

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    def _begin(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_noted)
        return self._reading

    async def _read(self) -> None:
        began_at = time.monotonic()
        revisions = [one.revision for one in self._known.values()]
        try:
            told = await self._store.admin("current_presets", {"p_known": revisions})
        except StoreUnavailable:
            self._failed_at = time.monotonic()
            raise
        current = set(told["revisions"])
        kept = {name: one for name, one in self._known.items() if one.revision in current}
        for row in told["changed"]:
            with contextlib.suppress(msgspec.ValidationError):
                preset = msgspec.convert(row, Preset)
                kept[preset.called] = preset
        self._known = kept  # a new one: a thread may be looking into the old one
        self._read_at = began_at


def _noted(task: asyncio.Task[Any]) -> None:
    problem = None if task.cancelled() else task.exception()
    if isinstance(problem, StoreUnavailable):
        _log.warning("the presets could not be read: %s", problem)
    elif problem is not None:
        _log.error("the presets could not be read", exc_info=problem)
