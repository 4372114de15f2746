"""Slots of the backends, given out fairly over keys, and within a key over its visitors (line.py).

A slot goes to the waiting key that runs least on that backend; of several, to the one whose last
turn is longest ago. A turn is a slot that was given after waiting. So a key that fills all slots
lets a newcomer in before it gets another.

A machine that loads another model for every request serves nobody. So those that ask for a model in
memory go before one whose turn it is, if that would have to be loaded first; but not for longer
than PASSED_OVER. Among those that go before, turns are given in the same way.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence

from gateway.backends.backend import Backend, least_busy
from gateway.backends.conversations import Conversations
from gateway.backends.line import Line, Runs, turns_before

PASSED_OVER = 20.0  # seconds, from its first turn on, in which others may go before a request


class Ticket:
    """One request's place in the queue; `async with ticket:` waits for a slot and holds it.

    `backend` is the one whose slot it holds, `last` the one whose slot it had last, and `backends`
    are those that may serve the request. `visitor` is the key's for whom it is; None: nobody in
    particular. `passed_at`: since when requests for loaded models have gone before it; None: none
    has. `beginning`: how its conversation is known; None: it is not.
    """

    def __init__(
        self,
        scheduler: "Scheduler",
        key: Hashable,
        visitor: Hashable,
        backends: tuple[Backend, ...],
        model: str,
        beginning: bytes | None,
    ) -> None:
        self.key = key
        self.visitor = visitor
        self.backends = backends
        self.model = model
        self.beginning = beginning
        self.backend: Backend | None = None
        self.last: Backend | None = None
        self.turn: asyncio.Future[None] | None = None  # while it is in line
        self.passed_at: float | None = None
        self.given_at = 0.0  # when it got its slot
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

    def seconds_left(self) -> float | None:
        """About how long it will wait; None: nothing has ended yet by which that could be told."""
        return self._scheduler.seconds_left(self)

    def is_wanted(self) -> bool:
        """Whether somebody waits for the slot that it holds."""
        return self.backend is not None and self._scheduler.is_wanted(self.backend)

    def may_use(self, backend: Backend) -> bool:
        if self.turn is None or self.turn.done() or backend not in self.backends:
            return False  # done: its client left in this moment, and it has not run since
        return backend.is_up or not any(other.is_up for other in self.backends)


class Scheduler:
    """Each backend gets as many requests at once as it has slots; at most `limit` wait in all. One
    key cannot starve another, nor a visitor the others of the key, and who waits for one backend
    keeps nobody from another."""

    def __init__(
        self,
        backends: Sequence[Backend],
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backends = backends
        self._clock = clock
        for backend in backends:
            backend.changed = self.look_again
        self.limit = limit
        self.conversations = Conversations()
        self._waiting: OrderedDict[Hashable, Line] = OrderedDict()
        # By key, and by (key, visitor).
        self._running: dict[Backend, Counter[Hashable]] = {one: Counter() for one in backends}
        self._passed: deque[Ticket] = deque()  # those with `passed_at` that wait, in its order
        self.queued = 0

    def enter(
        self,
        key: Hashable,
        backends: tuple[Backend, ...],
        model: str,
        visitor: Hashable = None,
        beginning: bytes | None = None,
    ) -> Ticket | None:
        """A place in the queue, or None when too many wait already."""
        full = self.queued >= self.limit and least_busy(backends, model) is None
        if full and not self._may_add(key, visitor):
            return None
        return Ticket(self, key, visitor, backends, model, beginning)

    def _may_add(self, key: Hashable, visitor: Hashable) -> bool:
        """To a full queue, a key may add until it has its part of the limit, an equal one for each
        key that waits; else one key could fill it for all. Such a queue is at most twice as long.
        The same holds for the visitors of a key; where one of them took the part of the key, the
        others may add all the same, but never what is left for other keys."""
        line = self._waiting.get(key) or Line()
        part = max(1, self.limit // len(self._waiting.keys() | {key}))
        most = 2 * self.limit if line.count < part else self.limit + self.limit // 2
        own = max(1, part // line.visitors_with(visitor))
        return self.queued < most and line.count_of(visitor) < own

    def is_wanted(self, backend: Backend) -> bool:
        """Whether somebody waits who could use it."""
        return self.queued > 0 and self._fair(backend) is not None

    async def acquire(self, ticket: Ticket, *, first: bool = False) -> None:
        """`first`: before the others of its key, for it has had its turn."""
        known = ticket.beginning
        reader = self.conversations.reader(known) if known else None
        backend = least_busy(ticket.backends, ticket.model, reader)
        if backend is not None:  # nobody waits for it: a slot that falls free goes on at once
            self._give(ticket, backend)
            return
        ticket.turn = asyncio.get_running_loop().create_future()
        ticket.passed_at = None
        self._waiting.setdefault(ticket.key, Line()).add(ticket, first=first)
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
            backend.note_held(self._clock() - ticket.given_at)
            running = self._running[backend]
            for who in (ticket.key, (ticket.key, ticket.visitor)):
                running[who] -= 1
                if not running[who]:
                    del running[who]
            self._offer(backend)

    def _give(self, ticket: Ticket, backend: Backend) -> None:
        backend.in_use += 1
        backend.takes(ticket.model)
        if ticket.beginning is not None:
            self.conversations.given(ticket.beginning, backend, again=ticket.last is not None)
        ticket.backend = ticket.last = backend
        ticket.given_at = self._clock()
        running = self._running[backend]
        running[ticket.key] += 1
        running[ticket.key, ticket.visitor] += 1

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
            self._leave(ticket, served=True)
            if ticket.key in self._waiting:
                self._waiting.move_to_end(ticket.key)  # the other keys come first now
            self._give(ticket, backend)
            assert turn is not None
            turn.set_result(None)

    def _next(self, backend: Backend) -> Ticket | None:
        """Whose turn it is, or who goes before because of what is in memory. Who was passed over so
        long is next, even if its key has had other turns since."""
        now = self._clock()
        for ticket in self._passed:
            assert ticket.passed_at is not None
            if now - ticket.passed_at < PASSED_OVER:
                break
            if ticket.may_use(backend):
                return ticket
        ticket = self._fair(backend)
        if ticket is None or backend.has_in_memory(ticket.model):
            return ticket
        before = self._fair(backend, in_memory=True)
        if before is None:
            return ticket
        if ticket.passed_at is None:
            ticket.passed_at = now
            self._passed.append(ticket)
        return before

    def _fair(self, backend: Backend, *, in_memory: bool = False) -> Ticket | None:
        """Of the keys that can use it, the one that runs least there; of equals, the first.
        `in_memory`: only for models that it has there."""
        running, best = self._running[backend], None

        def may_go(ticket: Ticket) -> bool:
            return ticket.may_use(backend) and (
                not in_memory or backend.has_in_memory(ticket.model)
            )

        for key, line in self._waiting.items():
            if best is not None and running[key] >= running[best.key]:
                continue
            usable = line.next(may_go, self._visitor_runs(key, (backend,)))
            if usable is not None:
                best = usable
                if not running[key]:
                    break
        return best

    def _leave(self, ticket: Ticket, *, served: bool = False) -> None:
        ticket.turn = None
        if ticket.passed_at is not None:
            self._passed.remove(ticket)
        line = self._waiting[ticket.key]
        line.remove(ticket, served=served)
        self.queued -= 1
        if not line.count:
            del self._waiting[ticket.key]

    def position(self, ticket: Ticket) -> int:
        """How many turns it is until this one's, itself included, if all that run go on, and all
        models are in memory."""
        if ticket.turn is None:
            return 0
        key, backends = ticket.key, ticket.backends
        rounds = self._waiting[key].rounds(ticket, self._visitor_runs(key, backends))
        waiting = ((one, line.count) for one, line in self._waiting.items())
        return 1 + turns_before(waiting, key, rounds, lambda one: self._runs(one, backends))

    def seconds_left(self, ticket: Ticket) -> float | None:
        """By its position, and by how long slots were held lately: loads of models are in that."""
        able = [one for one in ticket.backends if one.held is not None]
        slots = sum(one.slots for one in able)
        if not slots:
            return None
        mean = sum(one.slots * (one.held or 0.0) for one in able) / slots
        return self.position(ticket) * mean / slots

    def _visitor_runs(self, key: Hashable, backends: Sequence[Backend]) -> Runs:
        return lambda visitor: self._runs((key, visitor), backends)

    def _runs(self, who: Hashable, backends: Sequence[Backend]) -> int:
        """How many requests of a key, or of a visitor, run on these."""
        return sum(self._running[backend][who] for backend in backends)
