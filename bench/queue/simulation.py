"""All of a traffic through the real scheduler, in virtual time."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.queue.clock import run
from bench.queue.machine import Machine
from bench.queue.traffic import Talk, Turn
from gateway.backends.backend import Backend
from gateway.backends.scheduler import Scheduler, Ticket


class Way(NamedTuple):
    """What the gateway goes by. `loaded`: what is in memory goes first; `read`: of machines that
    are equally busy, the one that has read the beginning; `sticks`: or a busier one, while it has a
    free slot."""

    loaded: bool = True
    read: bool = True
    sticks: bool = False


class Home(NamedTuple):
    """`slots` of each machine, as the gateway is told, and how many requests one serves at once."""

    machines: int
    slots: int
    at_once: int


@dataclass
class Outcome:
    """`waits`: seconds for a slot, by key. `order`: when each got one, and when another first went
    before it. `took`: seconds from question to answer. Tokens: `asked` in all, and read `again`,
    though some machine had read them. `stayed`: follow-ups at the machine of the last."""

    loads: int = 0
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    order: list[tuple[float, float | None]] = field(
        default_factory=list[tuple[float, float | None]]
    )
    took: float = 0.0
    asked: int = 0
    again: int = 0
    follow_ups: int = 0
    stayed: int = 0

    @property
    def requests(self) -> int:
        return len(self.order)


class InTurn(Scheduler):
    """As if nobody knew what is in memory."""

    def _next(self, backend: Backend) -> Ticket | None:
        return self._fair(backend)


class Simulation:
    def __init__(self, way: Way, home: Home) -> None:
        self.outcome = Outcome()
        self._way = way
        self._backends = tuple(
            Backend("http://nowhere", 1.0, home.slots) for _ in range(home.machines)
        )
        self._machines = {backend: Machine(home.at_once) for backend in self._backends}
        self._scheduler: Scheduler

    def play(self, talks: Sequence[Talk]) -> Outcome:
        run(self._play(talks))
        self.outcome.loads = sum(one.loads for one in self._machines.values())
        return self.outcome

    async def _play(self, talks: Sequence[Talk]) -> None:
        kind = Scheduler if self._way.loaded else InTurn
        self._scheduler = kind(self._backends, 10**9, asyncio.get_running_loop().time)
        await asyncio.gather(*(self._hold(talk) for talk in talks))

    async def _hold(self, talk: Talk) -> None:
        """A conversation from its first question to its last answer."""
        await asyncio.sleep(talk.begins)
        last: Backend | None = None
        for turn in talk.turns:
            await asyncio.sleep(turn.pause)
            served = await self._ask(talk, turn)
            self.outcome.follow_ups += last is not None
            self.outcome.stayed += last is served
            last = served

    async def _ask(self, talk: Talk, turn: Turn) -> Backend:
        clock, told = asyncio.get_running_loop().time, self.outcome
        beginning = b"%d" % talk.number if self._way.read else None
        able = self._able(beginning)
        ticket = self._scheduler.enter(talk.key, able, talk.model, talk.visitor, beginning)
        assert ticket is not None
        asked = clock()
        async with ticket:
            backend, given = ticket.backend, clock()
            assert backend is not None
            seconds, read = self._machines[backend].serves(talk, turn, given)
            told.waits[talk.key].append(given - asked)
            told.order.append((given, ticket.passed_at))
            told.asked += turn.prompt
            told.again += max(0, read - turn.new)
            await asyncio.sleep(seconds)
        told.took += clock() - asked
        return backend

    def _able(self, beginning: bytes | None) -> tuple[Backend, ...]:
        reader = self._scheduler.conversations.reader(beginning or b"")
        if self._way.sticks and reader is not None and reader.in_use < reader.slots:
            return (reader,)
        return self._backends
