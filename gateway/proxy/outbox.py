"""The outbox: what each request came to is on disk before the store hears of it, until it has it.

A request takes an entry before it is served and fills it in as the answer grows. A committed entry
is sent to the store, in batches, again and again until the store has taken it. Sending twice does
no harm: the store counts each request id once.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

from gateway.core.errors import Refusal
from gateway.core.repeated_log import RepeatedLog
from gateway.proxy.outbox_file import OutboxFile
from gateway.stores import Settlement, StoreRefused, StoreUnavailable

BATCH = 64
FEW = 1000
SOON = 2.0  # seconds that a request waits for what has ended of its key to be counted
PATIENCE = 5  # refusals in a row after which each settlement is tried by itself
LINGER = 0.05  # seconds in which settlements gather, so that many share one fsync and one call
FAR_LINGER = 0.2  # the same for a store that is a long way off
_log = logging.getLogger("localllm.outbox")
_unwritten = RepeatedLog(_log, logging.ERROR)
_unserved = RepeatedLog(_log, logging.ERROR)

Settle = Callable[[Sequence[Settlement]], Awaitable[None]]


class Entry:
    """One request's record in the outbox, holding what would be settled if all ended now."""

    __slots__ = ("_outbox", "index", "settlement", "since")

    def __init__(self, outbox: "Outbox", index: int, settlement: Settlement) -> None:
        self.index = index
        self.settlement = settlement
        self.since = time.monotonic()
        self._outbox = outbox

    def checkpoint(self) -> None:
        """Write down what the settlement says now. OSError: the disk cannot be used."""
        self._outbox.file.write(self.index, self.settlement)

    def commit(self) -> None:
        """The settlement is final: it survives this process, and is sent soon."""
        try:
            self.checkpoint()
        except OSError as problem:  # it is still sent from memory
            _unwritten("the outbox cannot be written: %s", problem)
        self.since = time.monotonic()
        self._outbox.enqueue(self)

    async def taken(self, key_id: UUID) -> None:
        """Wait a little until the store has it, once it is committed."""
        await self._outbox.flush(key_id)

    def withdraw(self, *, unknown: bool) -> None:
        """Nothing was served. `unknown`: the store's verdict was lost, so it may hold tokens. It is
        told, unless so many settlements wait already that the hold will expire sooner."""
        if unknown and self._outbox.backlog()[0] < FEW:
            self.settlement.status = "refused"
            self.settlement.usage_source = "none"
            self.commit()
        else:
            self.discard()

    def discard(self) -> None:
        """Nothing is to be settled, or the store has it."""
        try:
            self._outbox.file.free(self.index)
        except OSError as problem:  # settled again at the next start, which changes nothing
            _unwritten("the outbox cannot be written: %s", problem)


class Outbox:
    """`on_taken` is called with what the store has taken."""

    def __init__(
        self,
        folder: Path,
        settle: Settle,
        linger: float = LINGER,
        on_taken: Callable[[Sequence[Settlement]], None] = lambda taken: None,
    ) -> None:
        """Open a file of one's own and adopt what dead processes left. OSError: disk unusable."""
        self.file = OutboxFile(folder)
        self._settle = settle
        self._linger = linger
        self._on_taken = on_taken
        self._pending = [Entry(self, index, found) for index, found in self.file.left.items()]
        self._taken = 0  # settlements that the store has had from this process
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()  # there is a whole batch, or somebody waits
        self._settled = asyncio.Event()
        if self._pending:
            _log.info("%d settlements from before are sent now", len(self._pending))
            self._wake.set()

    def reserve(self, settlement: Settlement) -> Entry:
        """Take an entry before a request is served. OSError: no disk, so serve nothing."""
        return Entry(self, self.file.add(settlement), settlement)

    def open_entry(self, settlement: Settlement) -> Entry | Refusal:
        """The same as a value: without a disk nothing is served."""
        try:
            return self.reserve(settlement)
        except OSError as problem:
            _unserved("nothing is served while the outbox cannot be written: %s", problem)
            return Refusal("outbox_unavailable", retry_after_ms=10_000)

    def enqueue(self, entry: Entry) -> None:
        """Send it with the next batch."""
        self._pending.append(entry)
        self._wake.set()
        if len(self._pending) >= BATCH:
            self._hurry.set()

    def backlog(self) -> tuple[int, float]:
        """How many settlements wait for the store, and the age of the oldest in seconds."""
        waiting = self._pending
        return len(waiting), time.monotonic() - waiting[0].since if waiting else 0.0

    async def drained(self, timeout: float) -> bool:
        """Wait until the store has what is committed by now; False after `timeout` seconds."""
        return await self._taken_up_to(len(self._pending), timeout)

    async def flush(self, key_id: UUID) -> bool:
        """Send now what waits of this key. True: there was something, and the store has it."""
        waiting = self._pending if len(self._pending) < FEW else ()
        places = [n for n, one in enumerate(waiting, 1) if one.settlement.key_id == key_id]
        return bool(places) and await self._taken_up_to(places[-1], SOON)

    async def _taken_up_to(self, place: int, timeout: float) -> bool:
        """Hurry, and wait until the store has so many of those that wait now."""
        goal = self._taken + place
        if place:
            self._hurry.set()
        try:
            async with asyncio.timeout(timeout):
                while self._taken < goal:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Send what is committed, in batches, again and again until the store has taken it."""
        wait = 0.0
        refusals = 0
        alone = 0  # settlements to be sent one by one: one of them may be what the store refuses
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                if not alone:
                    await self._gather()
                try:
                    await self._send(self._pending[: 1 if alone else BATCH])
                    wait = refusals = 0
                except Exception as problem:  # whatever it is, nothing may be lost by it
                    known = isinstance(problem, StoreUnavailable)
                    if not wait:
                        _log.warning("settlements wait: %s", problem, exc_info=not known)
                    if not known or isinstance(problem, StoreRefused):
                        refusals += 1
                        if alone:
                            self._pending.append(self._pending.pop(0))
                        elif refusals == PATIENCE:
                            alone, refusals = min(BATCH, len(self._pending)) + 1, 0
                    wait = min(wait * 2 or 0.1, 5.0)
                    await asyncio.sleep(wait)
                alone = max(0, alone - 1)

    async def _gather(self) -> None:
        """Wait for others to share the call, but never long after the oldest came."""
        left = self._pending[0].since + self._linger - time.monotonic()
        if left > 0 and len(self._pending) < BATCH:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._hurry.wait()
        self._hurry.clear()

    async def _send(self, batch: list[Entry]) -> None:
        await asyncio.to_thread(self.file.sync)
        settlements = [entry.settlement for entry in batch]
        await self._settle(settlements)
        self._on_taken(settlements)
        del self._pending[: len(batch)]
        for entry in batch:
            entry.discard()
        self._taken += len(batch)
        self._settled.set()

    def close(self) -> None:
        self.file.close()
