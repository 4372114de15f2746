"""Slots on the machines, given out fairly: round-robin over keys, in order within a key."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence

from gateway.backends.backend import Machine, least_busy


class Place:
    """One request's place in the queue; `async with place:` waits for a slot and holds it.

    `machine` is the one whose slot it holds, `machines` are those that may serve it.
    """

    def __init__(
        self, scheduler: "Scheduler", key: Hashable, machines: tuple[Machine, ...], model: str
    ) -> None:
        self.key = key
        self.machines = machines
        self.model = model
        self.machine: Machine | None = None
        self.turn: asyncio.Future[None] | None = None  # while it is in line
        self._scheduler = scheduler

    async def __aenter__(self) -> None:
        await self._scheduler.acquire(self)

    async def __aexit__(self, *_: object) -> None:
        self._scheduler.release(self)

    async def move(self) -> None:
        """Give the slot back, and wait for one on a machine that has not been tried."""
        self.machines = tuple(other for other in self.machines if other is not self.machine)
        self._scheduler.release(self)
        await self._scheduler.acquire(self, first=True)

    def position(self) -> int:
        """1 for the next in line, 0 when it is no longer waiting."""
        return self._scheduler.position(self)

    def may_use(self, machine: Machine) -> bool:
        if self.turn is None or self.turn.done() or machine not in self.machines:
            return False  # done: its client left in this moment, and it has not run since
        return machine.answers or not any(other.answers for other in self.machines)

    def take(self, machine: Machine) -> None:
        machine.running += 1
        machine.last_model = self.model
        self.machine = machine


class Scheduler:
    """Each machine runs so many requests at once as it has slots, some `limit` wait in all; one
    key cannot starve another, nor can those who wait for one machine keep others from another."""

    def __init__(self, machines: Sequence[Machine], limit: int) -> None:
        self._machines = machines
        for machine in machines:
            machine.changed = self.look_again
        self._limit = limit
        self._waiting: OrderedDict[Hashable, deque[Place]] = OrderedDict()
        self.queued = 0

    def enter(self, key: Hashable, machines: tuple[Machine, ...], model: str) -> Place | None:
        """A place in the queue, or None when too many wait already. A key that has none waiting may
        add one to a full queue, until it is twice as long: else one key could fill it for all."""
        most = self._limit if key in self._waiting else 2 * self._limit
        if self.queued >= most and least_busy(machines, model) is None:
            return None
        return Place(self, key, machines, model)

    async def acquire(self, place: Place, *, first: bool = False) -> None:
        """`first`: before the others of its key, for it has had its turn."""
        machine = least_busy(place.machines, place.model)
        if machine is not None:  # nobody waits for it: a slot that falls free goes on at once
            place.take(machine)
            return
        place.turn = asyncio.get_running_loop().create_future()
        line = self._waiting.setdefault(place.key, deque())
        if first:
            line.appendleft(place)
        else:
            line.append(place)
        self.queued += 1
        try:
            await place.turn
        except asyncio.CancelledError:
            if place.machine is None:
                self._leave(place)
            else:  # its turn came in the same moment as its end
                self.release(place)
            raise

    def release(self, place: Place) -> None:
        machine, place.machine = place.machine, None
        if machine is not None:
            machine.running -= 1
            self._offer(machine)

    def look_again(self) -> None:
        """A machine went away or came back: others may serve who waits."""
        for machine in self._machines:
            self._offer(machine)

    def _offer(self, machine: Machine) -> None:
        """Its free slots to those whose turn it is."""
        while machine.running < machine.slots:
            place = self._next(machine)
            if place is None:
                return
            turn = place.turn
            self._leave(place)
            if place.key in self._waiting:
                self._waiting.move_to_end(place.key)  # the other keys come first now
            place.take(machine)
            assert turn is not None
            turn.set_result(None)

    def _next(self, machine: Machine) -> Place | None:
        for line in self._waiting.values():
            for place in line:
                if place.may_use(machine):
                    return place
        return None

    def _leave(self, place: Place) -> None:
        place.turn = None
        line = self._waiting[place.key]
        line.remove(place)
        self.queued -= 1
        if not line:
            del self._waiting[place.key]

    def position(self, place: Place) -> int:
        """How many turns at most until it is this one's, itself included."""
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
