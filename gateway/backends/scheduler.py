"""Slots of the backends, given out fairly over keys, and in order within a key.

A slot goes to the waiting key that runs least on that backend; of several, to the one whose last
turn is longest ago. A turn is a slot that was given after waiting. So a key that fills all slots
lets a newcomer in before it gets another.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Sequence

from gateway.backends.backend import Backend, least_busy


class Ticket:
    """One request's place in the queue; `async with ticket:` waits for a slot and holds it.

    `backend` is the one whose slot it holds, `backends` are those that may serve the request.
    """

    def __init__(
        self, scheduler: "Scheduler", key: Hashable, backends: tuple[Backend, ...], model: str
    ) -> None:
        self.key = key
        self.backends = backends
        self.model = model
        self.backend: Backend | None = None
        self.turn: asyncio.Future[None] | None = None  # while it is in line
        self._scheduler = scheduler

    async def __aenter__(self) -> None:
        await self._scheduler.acquire(self)

    async def __aexit__(self, *_: object) -> None:
        self._scheduler.release(self)

    async def move(self) -> None:
        """Give the slot back, and wait for one of a backend that has not been tried."""
        self.backends = tuple(other for other in self.backends if other is not self.backend)
        self._scheduler.release(self)
        await self._scheduler.acquire(self, first=True)

    def position(self) -> int:
        """1 for the next in line, 0 when it is no longer waiting."""
        return self._scheduler.position(self)

    def is_wanted(self) -> bool:
        """Whether somebody waits for the slot that it holds."""
        return self.backend is not None and self._scheduler.is_wanted(self.backend)

    def may_use(self, backend: Backend) -> bool:
        if self.turn is None or self.turn.done() or backend not in self.backends:
            return False  # done: its client left in this moment, and it has not run since
        return backend.answers or not any(other.answers for other in self.backends)


class Scheduler:
    """Each backend gets as many requests at once as it has slots; at most `limit` wait in all. One
    key cannot starve another, and who waits for one backend keeps nobody from another."""

    def __init__(self, backends: Sequence[Backend], limit: int) -> None:
        self._backends = backends
        for backend in backends:
            backend.changed = self.look_again
        self._limit = limit
        self._waiting: OrderedDict[Hashable, deque[Ticket]] = OrderedDict()
        self._running: dict[Backend, Counter[Hashable]] = {one: Counter() for one in backends}
        self.queued = 0

    def enter(self, key: Hashable, backends: tuple[Backend, ...], model: str) -> Ticket | None:
        """A place in the queue, or None when too many wait already. To a full queue, a key may add
        until it has its part of the limit, an equal one for each key that waits; else one key could
        fill it for all. Such a queue is at most twice as long."""
        if self.queued >= self._limit and least_busy(backends, model) is None:
            keys = len(self._waiting.keys() | {key})
            part = max(1, self._limit // keys)
            if self.queued >= 2 * self._limit or len(self._waiting.get(key, ())) >= part:
                return None
        return Ticket(self, key, backends, model)

    def is_wanted(self, backend: Backend) -> bool:
        """Whether somebody waits who could use it."""
        return self.queued > 0 and self._next(backend) is not None

    async def acquire(self, ticket: Ticket, *, first: bool = False) -> None:
        """`first`: before the others of its key, for it has had its turn."""
        backend = least_busy(ticket.backends, ticket.model)
        if backend is not None:  # nobody waits for it: a slot that falls free goes on at once
            self._give(ticket, backend)
            return
        ticket.turn = asyncio.get_running_loop().create_future()
        line = self._waiting.setdefault(ticket.key, deque())
        if first:
            line.appendleft(ticket)
        else:
            line.append(ticket)
        self.queued += 1
        try:
            await ticket.turn
        except asyncio.CancelledError:
            if ticket.backend is None:
                self._leave(ticket)
            else:  # its turn came in the same moment as its end
                self.release(ticket)
            raise

    def release(self, ticket: Ticket) -> None:
        backend, ticket.backend = ticket.backend, None
        if backend is not None:
            backend.in_use -= 1
            running = self._running[backend]
            running[ticket.key] -= 1
            if not running[ticket.key]:
                del running[ticket.key]
            self._offer(backend)

    def _give(self, ticket: Ticket, backend: Backend) -> None:
        backend.in_use += 1
        backend.last_model = ticket.model
        ticket.backend = backend
        self._running[backend][ticket.key] += 1

    def look_again(self) -> None:
        """A backend went away or came back: others may serve who waits."""
        for backend in self._backends:
            self._offer(backend)

    def _offer(self, backend: Backend) -> None:
        """Its free slots to those whose turn it is."""
        while backend.in_use < backend.slots:
            ticket = self._next(backend)
            if ticket is None:
                return
            turn = ticket.turn
            self._leave(ticket)
            if ticket.key in self._waiting:
                self._waiting.move_to_end(ticket.key)  # the other keys come first now
            self._give(ticket, backend)
            assert turn is not None
            turn.set_result(None)

    def _next(self, backend: Backend) -> Ticket | None:
        """Of the keys that can use it, the one that runs least there; of equals, the first."""
        running, best = self._running[backend], None
        for key, line in self._waiting.items():
            if best is not None and running[key] >= running[best.key]:
                continue
            usable = next((ticket for ticket in line if ticket.may_use(backend)), None)
            if usable is not None:
                best = usable
                if not running[key]:
                    break
        return best

    def _leave(self, ticket: Ticket) -> None:
        ticket.turn = None
        line = self._waiting[ticket.key]
        line.remove(ticket)
        self.queued -= 1
        if not line:
            del self._waiting[ticket.key]

    def position(self, ticket: Ticket) -> int:
        """How many turns it is until this one's, itself included, if all that run go on: each turn
        goes to the key that runs least then."""
        if ticket.turn is None:
            return 0
        rounds = self._waiting[ticket.key].index(ticket)
        ours = self._runs(ticket.key, ticket)
        ahead = rounds
        before_us = True
        for key, line in self._waiting.items():
            if key == ticket.key:
                before_us = False
                continue
            theirs = self._runs(key, ticket)
            # They have turns until they run as many as we shall, and one more where they come first
            # among equals: those who have waited since our turn, or now.
            first = theirs > ours or (theirs == ours and before_us)
            ahead += min(len(line), max(0, ours + rounds - theirs + first))
        return ahead + 1

    def _runs(self, key: Hashable, ticket: Ticket) -> int:
        """How many requests of a key run where the ticket's may."""
        return sum(self._running[backend][key] for backend in ticket.backends)
