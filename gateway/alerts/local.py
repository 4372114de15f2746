"""Alerts that this gateway decides itself, because the store is away.

A file in DATA_DIR has what the owner knows, so that nothing is told again after a restart, nor by
the store when it is back; and what could not be delivered yet. Of the gateways that share the
directory one decides; if it dies, another takes its place.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec
from fasteners import InterProcessLock

from gateway.alerts import Delivery, Seen
from tunnel import private_files

_LONGEST_PAUSE = 1800.0  # seconds between two attempts
_SHORTEST_PAUSE = 30.0
_MOST = 200  # undelivered alerts that are kept: the newest


class Waiting(msgspec.Struct):
    delivery: Delivery
    attempts: int = 0
    due: float = 0.0  # seconds since 1970


class _Known(msgspec.Struct):
    """`state`: noted (the store has it), told or over (by a gateway)."""

    state: str
    since: datetime


class _Kept(msgspec.Struct):
    known: dict[str, _Known] = {}  # by topic
    waiting: list[Waiting] = []


class Local:
    """`path`: the file. Blocking, but short: a few kilobytes once a minute."""

    def __init__(
        self, path: Path, channels: Collection[str], clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._channels = channels
        self._clock = clock
        self._lock: InterProcessLock | None = None
        self._decides = False
        self._kept = _Kept()

    def open(self) -> bool:
        """Read what is known. True: this gateway decides. OSError: the disk cannot be used."""
        if not self._decides:
            self._lock = self._lock or private_files.lock(self._path.with_suffix(".lock"))
            self._decides = self._lock.acquire(blocking=False)
            self._kept = self._read()
        return self._decides

    def close(self) -> None:
        if self._decides and self._lock is not None:
            self._lock.release()
            self._decides = False

    def for_store(self, seen: Sequence[Seen]) -> list[Seen]:
        """What the store is told of what is seen: with what the owner knows without it."""
        same = {True: "told", False: "over"}
        return [
            msgspec.structs.replace(one, told=one.told or self._state(one) == same[one.holds])
            for one in seen
        ]

    def noted(self, seen: Sequence[Seen]) -> None:
        """The store has them. What was told without it, and is over by now, it does not know."""
        for one in seen:
            if one.kind == "guesses":
                continue
            if not one.holds and self._state(one) == "told" and not one.told:
                self._tell(one)
            if one.holds:
                self._know(one, "noted")
            else:
                self._kept.known.pop(one.topic, None)
        self._write()

    def decide(self, seen: Sequence[Seen]) -> None:
        """In place of the store: tell what is new, but not what only the store makes a matter."""
        for one in seen:
            if one.kind in {"guesses", "outbox", "clock"} or one.told:
                continue
            was = self._state(one)
            if one.holds and was in {None, "over"}:
                self._tell(one)
                self._know(one, "told")
            elif not one.holds and was in {"noted", "told"}:
                self._tell(one)
                self._know(one, "over")
        self._write()

    def _state(self, seen: Seen) -> str | None:
        known = self._kept.known.get(seen.topic)
        return known.state if known else None

    def _know(self, seen: Seen, state: str) -> None:
        since = self._now()
        if state == "noted" and seen.topic in self._kept.known:
            since = self._kept.known[seen.topic].since
        self._kept.known[seen.topic] = _Known(state, since)

    def due(self) -> list[Waiting]:
        """What is to be delivered now."""
        now = self._clock()
        last = now + _LONGEST_PAUSE  # beyond it, the clock was ahead
        waiting = self._kept.waiting if self._decides else ()
        return [one for one in waiting if not now < one.due <= last]

    def came(self, waiting: Waiting, problem: str | None) -> None:
        """What came of an attempt; None: it was delivered."""
        if problem is None:
            self._kept.waiting.remove(waiting)
        else:
            pause = min(_SHORTEST_PAUSE * 2**waiting.attempts, _LONGEST_PAUSE)
            waiting.attempts = min(waiting.attempts + 1, 20)
            waiting.due = self._clock() + pause
        self._write()

    def _tell(self, seen: Seen) -> None:
        if not self._decides:
            return
        alert, state, about = str(uuid4()), "began" if seen.holds else "over", seen.about
        known = self._kept.known.get(seen.topic)
        if known and not seen.holds:
            about = about | {"since": known.since.isoformat()}
        for channel in self._channels:
            delivery = Delivery(alert, self._now(), seen.kind, state, about=about, channel=channel)
            self._kept.waiting.append(Waiting(delivery))
        del self._kept.waiting[:-_MOST]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _read(self) -> _Kept:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return _Kept()
        kept.waiting = [one for one in kept.waiting if one.delivery.channel in self._channels]
        return kept

    def _write(self) -> None:
        """A full disk is no reason to tell nothing: then it is in memory alone."""
        if self._decides:
            with contextlib.suppress(OSError):
                text = msgspec.json.encode(self._kept).decode()
                private_files.write(self._path, text + "\n", durable=False)
