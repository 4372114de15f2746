"""Requests that hold their slot until they are told to end, and what was served in which order."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from gateway.backends.backend import Backend
from gateway.backends.scheduler import Scheduler, Ticket


async def settle() -> None:
    """Let every task that can run do so until all of them wait."""
    for _ in range(10):
        await asyncio.sleep(0)


class Bench:
    """Requests that hold their slot until they are told to end; nothing is sent anywhere."""

    def __init__(
        self,
        slots: int,
        limit: int = 1000,
        backends: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backends = tuple(Backend("http://nowhere", 1.0, slots) for _ in range(backends))
        self.scheduler = Scheduler(self.backends, limit, clock)
        self.served: list[str] = []  # names, in the order in which they got a slot
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.places: dict[str, Ticket] = {}
        self._end: dict[str, asyncio.Event] = {}
        self._moving: set[str] = set()

    def ask(
        self,
        key: str,
        name: str,
        *able: int,
        model: str = "m",
        visitor: str | None = None,
        talk: str = "",
    ) -> bool:
        """`able`: the machines that may serve it; none named: all of them. `talk`: the conversation
        that it goes on with, if any."""
        backends = tuple(self.backends[number] for number in able) or self.backends
        beginning = talk.encode() or None
        ticket = self.scheduler.enter(key, backends, model, visitor, beginning)
        if ticket is None:
            return False
        self.places[name] = ticket
        self._end[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._hold(ticket, name))
        return True

    async def _hold(self, ticket: Ticket, name: str) -> None:
        async with ticket:
            self.served.append(name)
            await self._end[name].wait()
            while name in self._moving:  # as the pipeline does when a machine fails
                self._moving.discard(name)
                if len(ticket.backends) > 1:
                    await ticket.move()
                    self.served.append(name)
                self._end[name].clear()
                await self._end[name].wait()

    def end(self, name: str) -> None:
        self._end[name].set()

    def move(self, name: str) -> None:
        """Its machine failed: another, if there is one."""
        self._moving.add(name)
        self._end[name].set()

    def at(self, name: str) -> int | None:
        """The number of the machine that it runs on; None: it waits."""
        backend = self.places[name].backend
        return None if backend is None else self.backends.index(backend)

    def running(self) -> list[str]:
        return [name for name in self.served if not self.tasks[name].done()]

    async def finish(self) -> None:
        """End everything; whatever went wrong in a task comes out here."""
        self._moving.clear()
        for _ in self.tasks:  # each turn at least one more ends, if none is lost
            for event in self._end.values():
                event.set()
            await settle()
        lost = [task for task in self.tasks.values() if not task.done()]
        for task in lost:
            task.cancel()
        await asyncio.gather(*lost, return_exceptions=True)
        assert not lost, "they waited for slots that nobody held"
        for task in self.tasks.values():
            with suppress(asyncio.CancelledError):
                await task

    async def free_slots(self, most: int) -> int:
        """How many requests get a slot at once now that nobody has one."""
        before = len(self.served)
        for number in range(most + 1):
            self.ask("fresh", f"fresh{number}")
        await settle()
        found = len(self.served) - before
        await self.finish()
        return found
