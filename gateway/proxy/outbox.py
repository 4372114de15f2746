"""The outbox: what each request came to is on disk before the store hears of it, until it has it.

One file of fixed slots. A slot is written before a request is served, so that its settlement never
needs more disk (a disk that fills up later loses nothing), and rewritten in place as the answer
grows: whatever it holds when the gateway dies is what is settled at the next start.
Each process has a file of its own, locked; files of dead processes are adopted at start.

Slot: 1 byte used/free, 2 bytes length, 4 bytes CRC-32, msgpack of a Settlement, zero padding.
"""

import asyncio
import contextlib
import logging
import os
import struct
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import fasteners
import msgspec

from gateway.stores import Settlement, StoreRefused, StoreUnavailable

SLOT_SIZE = 1024
BATCH = 64
FEW = 1000
PATIENCE = 5  # refusals in a row after which each settlement is tried by itself
LINGER = 0.02  # seconds in which settlements gather, so that many share one fsync and one call
FAR_LINGER = 0.2  # the same for a store that is a long way off
_HEAD = struct.Struct(">BHI")
_FREE = bytes(SLOT_SIZE)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Settlement).decode
_log = logging.getLogger("localllm.outbox")

Settle = Callable[[Sequence[Settlement]], Awaitable[None]]


class Slot:
    """One request's place in the outbox, holding what would be settled if all ended now."""

    __slots__ = ("index", "settlement", "since")

    def __init__(self, index: int, settlement: Settlement) -> None:
        self.index = index
        self.settlement = settlement
        self.since = time.monotonic()


class Outbox:
    def __init__(self, folder: Path, settle: Settle, linger: float = LINGER) -> None:
        """Open a file of one's own and adopt what dead processes left. OSError: disk unusable."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._settle = settle
        self._linger = linger
        self.on_taken: Callable[[Sequence[Settlement]], None] = lambda taken: None
        self._free: list[int] = []
        self._size = 0
        self._pending: list[Slot] = []
        self._taken = 0  # settlements that the store has had from this process
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()  # there is a whole batch, or somebody waits
        self._settled = asyncio.Event()
        self._file, self._lock = self._claim(folder)

    def _claim(self, folder: Path) -> tuple[BinaryIO, fasteners.InterProcessLock]:
        """The first file that no living process holds; the others' contents come into it."""
        number = 0
        while True:
            path = folder / f"{number:03}.slots"
            lock = fasteners.InterProcessLock(folder / f"{number:03}.lock")
            if lock.acquire(blocking=False):
                break
            number += 1
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        file = os.fdopen(descriptor, "r+b", buffering=0)
        for index, found in enumerate(_slots(file.read())):
            self._size = index + 1
            if found is None:
                self._free.append(index)
            else:
                self._pending.append(Slot(index, found))
        self._file = file
        for other in sorted(folder.glob("*.slots")):
            if other != path:
                self._adopt(other)
        if self._pending:
            _log.info("%d settlements from before are sent now", len(self._pending))
            self._wake.set()
        return file, lock

    def _adopt(self, path: Path) -> None:
        lock = fasteners.InterProcessLock(path.with_suffix(".lock"))
        if not lock.acquire(blocking=False):
            return
        try:
            if not path.exists():  # another process was faster
                return
            for found in _slots(path.read_bytes()):
                if found is not None:
                    slot = self.reserve(found)
                    self._pending.append(slot)
            os.fsync(self._file.fileno())
            path.unlink()
        finally:
            lock.release()

    def reserve(self, settlement: Settlement) -> Slot:
        """Take a slot before a request is served. OSError: no disk, so serve nothing."""
        index = self._free.pop() if self._free else self._size
        slot = Slot(index, settlement)
        try:
            self.checkpoint(slot)
        except OSError:
            if index < self._size:
                self._free.append(index)
            raise
        self._size = max(self._size, index + 1)
        return slot

    def checkpoint(self, slot: Slot) -> None:
        """Write down what the slot's settlement says now."""
        payload = _encode(slot.settlement)
        head = _HEAD.pack(1, len(payload), zlib.crc32(payload))
        self._write(slot.index, (head + payload).ljust(SLOT_SIZE, b"\0"))

    def commit(self, slot: Slot) -> None:
        """The settlement is final: it survives this process, and is sent soon."""
        try:
            self.checkpoint(slot)
        except OSError as problem:  # it is still sent from memory
            _log.error("the outbox cannot be written: %s", problem)
        slot.since = time.monotonic()
        self._pending.append(slot)
        self._wake.set()
        if len(self._pending) >= BATCH:
            self._hurry.set()

    def withdraw(self, slot: Slot, *, lost: bool) -> None:
        """Nothing was served. `lost`: the store may hold tokens for it, since its word was lost.
        Let it know, unless so many wait already that the hold will expire sooner."""
        if lost and len(self._pending) < FEW:
            slot.settlement.status = "refused"
            slot.settlement.usage_source = "none"
            self.commit(slot)
        else:
            self.discard(slot)

    def discard(self, slot: Slot) -> None:
        """Nothing is to be settled, or the store has it."""
        try:
            self._write(slot.index, _FREE[: _HEAD.size])
        except OSError as problem:  # settled again at the next start, which changes nothing
            _log.error("the outbox cannot be written: %s", problem)
        self._free.append(slot.index)

    def _write(self, index: int, data: bytes) -> None:
        if self._file.closed:
            raise OSError("the gateway has stopped")
        self._file.seek(index * SLOT_SIZE)
        if self._file.write(data) != len(data):
            raise OSError("the disk is full")

    def backlog(self) -> tuple[int, float]:
        """How many settlements wait for the store, and the age of the oldest in seconds."""
        waiting = self._pending
        return len(waiting), time.monotonic() - waiting[0].since if waiting else 0.0

    async def drained(self, timeout: float) -> bool:
        """Wait until the store has what is committed by now; False after `timeout` seconds."""
        goal = self._taken + len(self._pending)
        if self._pending:
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
                    cached = isinstance(problem, StoreUnavailable)
                    if not wait:
                        _log.warning("settlements wait: %s", problem, exc_info=not cached)
                    if not cached or isinstance(problem, StoreRefused):
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

    async def _send(self, batch: list[Slot]) -> None:
        await asyncio.to_thread(os.fsync, self._file.fileno())
        settlements = [slot.settlement for slot in batch]
        await self._settle(settlements)
        self.on_taken(settlements)
        del self._pending[: len(batch)]
        for slot in batch:
            self.discard(slot)
        self._taken += len(batch)
        self._settled.set()

    def close(self) -> None:
        self._file.close()
        self._lock.release()


def left_in(folder: Path) -> tuple[int, datetime | None]:
    """How many requests the files of a folder hold, and when the oldest began. OSError."""
    found = [one for file in folder.glob("*.slots") for one in _slots(file.read_bytes()) if one]
    return len(found), min((one.authorized_at for one in found if one.authorized_at), default=None)


def _slots(data: bytes) -> list[Settlement | None]:
    """Every slot of a file; None where it is free or was torn while it was first written."""
    found: list[Settlement | None] = []
    for start in range(0, len(data) - len(data) % SLOT_SIZE, SLOT_SIZE):
        used, length, crc = _HEAD.unpack_from(data, start)
        payload = data[start + _HEAD.size : start + _HEAD.size + length]
        good = used == 1 and length <= SLOT_SIZE - _HEAD.size and zlib.crc32(payload) == crc
        try:
            found.append(_decode(payload) if good else None)
        except msgspec.DecodeError:
            found.append(None)
    return found
