"""What happens, told to pages that watch: `GET /admin/events`.

While somebody watches, the gateway looks once a second what has changed, once for all of them. A
finished request is told as the log has it, once the store has taken it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from gateway.admin.requests import logged
from gateway.core.errors import SHUTTING_DOWN, Refusal
from gateway.overview.refusals import Refused, as_json, key_ids
from gateway.overview.status import Status
from gateway.overview.store_figures import StoreFigures
from gateway.overview.watcher import Watcher, event
from gateway.stores import Settlement, Store, StoreUnavailable

MOST_WATCHERS = 32
EVERY = 1.0  # seconds
_MOST = 200  # requests of a second, and refusals; the oldest are not told
_log = logging.getLogger("localllm")


class Events:
    def __init__(self, status: Status, figures: StoreFigures, store: Store) -> None:
        self._status = status
        self._figures = figures
        self._store = store
        self._watchers: set[Watcher] = set()
        self._finished: deque[UUID] = deque(maxlen=_MOST)
        self._refused: deque[Refused] = deque(maxlen=_MOST)
        self._shown = b""  # the status that was told last
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def taken(self, batch: Sequence[Settlement]) -> None:
        """The store has these."""
        if self._watchers:
            self._finished.extend(one.request_id for one in batch)

    def refused(self, refused: Refused) -> None:
        if self._watchers:
            self._refused.append(refused)

    async def open(self) -> Watcher | Refusal:
        """Begin to watch; the first news are the status as it is."""
        if self._closed:
            return SHUTTING_DOWN
        if len(self._watchers) >= MOST_WATCHERS:
            return Refusal("too_many_watchers", retry_after_ms=10_000)
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            watcher.show(event(b"status", await self._status.read()))
        except BaseException:
            self.leave(watcher)
            raise
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    async def close(self) -> None:
        """End all streams, and begin no other."""
        self._closed = True
        for watcher in self._watchers:
            watcher.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._status.close()

    async def _run(self) -> None:
        while self._watchers:
            try:
                await self._look()
            except Exception:  # nobody would notice that it ended
                _log.exception("pages that watch are not told what happens")
            await asyncio.sleep(EVERY)
        self._finished.clear()
        self._refused.clear()

    async def _look(self) -> None:
        """Tell what is new since the last look."""
        status = await self._status.read()
        goes_on = status["running"] or status["waiting"]  # their times count from it
        compared = msgspec.json.encode(status if goes_on else {**status, "time": None})
        if compared != self._shown:
            self._shown = compared
            told = event(b"status", status)
            for watcher in self._watchers:
                watcher.show(told)
        refused = [self._refused.popleft() for _ in range(len(self._refused))]
        if refused:
            await self._figures.look(key_ids(refused))
            self._tell(b"refused", [as_json(one, self._figures.labels) for one in refused])
        await self._tell_finished()

    async def _tell_finished(self) -> None:
        ids = [self._finished.popleft() for _ in range(len(self._finished))]
        try:
            rows = await logged(self._store, ids) if ids else []
        except StoreUnavailable:
            self._finished.extendleft(reversed(ids))  # told when it is back
            return
        self._tell(b"request", rows[::-1])

    def _tell(self, name: bytes, all_told: Sequence[Any]) -> None:
        for told in all_told:
            encoded = event(name, told)
            for watcher in self._watchers:
                watcher.tell(encoded)
