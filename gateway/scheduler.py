"""Slots on the model server, given out fairly: round-robin over keys, in order within a key."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable


class Place:
    """One request's place in the queue; `async with place:` waits for a slot and holds it."""

    def __init__(self, scheduler: "Scheduler", key: Hashable) -> None:
        self.key = key
        self.turn: asyncio.Future[None] | None = None  # while it is in line
        self._scheduler = scheduler

    async def __aenter__(self) -> None:
        await self._scheduler.acquire(self)

    async def __aexit__(self, *_: object) -> None:
        self._scheduler.release()

    def position(self) -> int:
        """1 for the next in line, 0 when it is no longer waiting."""
        return self._scheduler.position(self)


class Scheduler:
    """`slots` requests run at once, at most `limit` wait; one key cannot starve another."""

    def __init__(self, slots: int, limit: int) -> None:
        self._free = slots
        self._limit = limit
        self._waiting: OrderedDict[Hashable, deque[Place]] = OrderedDict()
        self.queued = 0

    def enter(self, key: Hashable) -> Place | None:
        """A place in the queue, or None when too many wait already."""
        if not self._free and self.queued >= self._limit:
            return None
        return Place(self, key)

    async def acquire(self, place: Place) -> None:
        if self._free:  # then nobody waits: a slot that falls free goes to a waiter at once
            self._free -= 1
            return
        turn = place.turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(place.key, deque()).append(place)
        self.queued += 1
        try:
            await turn
        except asyncio.CancelledError:
            if not self._leave(place) and not turn.cancelled():
                self.release()  # its turn came in the same moment as its end
            raise

    def release(self) -> None:
        while self._waiting:
            key, line = next(iter(self._waiting.items()))
            place = line.popleft()
            self.queued -= 1
            if not line:
                del self._waiting[key]
            turn, place.turn = place.turn, None
            if turn is None or turn.done():
                continue  # its client left in this moment, and it has not run since
            if line:
                self._waiting.move_to_end(key)  # the other keys come first now
            turn.set_result(None)
            return
        self._free += 1

    def _leave(self, place: Place) -> bool:
        """Whether it was still in line."""
        if place.turn is None:
            return False
        place.turn = None
        line = self._waiting[place.key]
        line.remove(place)
        self.queued -= 1
        if not line:
            del self._waiting[place.key]
        return True

    def position(self, place: Place) -> int:
        """How many turns until it is this one's, itself included."""
        if place.turn is None:
            return 0
        rounds = self._waiting[place.key].index(place)
        ahead = rounds
        before_us = True
        for key, line in self._waiting.items():
            if key == place.key:
                before_us = False
            else:
                ahead += min(len(line), rounds + 1 if before_us else rounds)
        return ahead + 1
