"""Calls that belong together and are wanted at once, made as one.

The more callers there are at once, the more share a round trip; a single one waits for nobody. They
go with those of the same turn of the event loop; and while MOST calls are under way, with all that
come meanwhile. So those of one key never take all connections from those of others.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

MOST = 2  # calls under way that belong together
LARGEST = 64  # of so many callers: the database has locked their rows until it has served the last

Arguments = tuple[Any, ...]


class _Asked:
    """What one caller asks, and the call that it shares once that is made."""

    __slots__ = ("arguments", "call", "result")

    def __init__(self, arguments: Arguments, result: asyncio.Future[Any]) -> None:
        self.arguments = arguments
        self.result = result
        self.call: asyncio.Task[None] | None = None


class Together:
    """`call` makes one call of many: what each came to, in the order of the arguments, which may be
    an exception; one that it raises is of all."""

    def __init__(self, call: Callable[[Sequence[Arguments]], Awaitable[Sequence[Any]]]) -> None:
        self._call = call
        self._gathering: dict[Hashable, list[_Asked]] = {}
        self._under_way: Counter[Hashable] = Counter()
        self._calls: set[asyncio.Task[None]] = set()

    async def ask(self, belongs_to: Hashable, arguments: Arguments) -> Any:
        """What came for these. A caller that is cancelled lets the others have theirs, and goes
        when they do: what it tells the database then does not get in the way of the call."""
        loop = asyncio.get_running_loop()
        asked = _Asked(arguments, loop.create_future())
        gathered = self._gathering.get(belongs_to)
        if gathered is None:
            gathered = self._gathering[belongs_to] = []
            loop.call_soon(self._send, belongs_to)
        gathered.append(asked)
        try:
            return await asked.result
        except asyncio.CancelledError:
            if asked.call is not None:
                await asyncio.wait([asked.call])
            raise

    def _send(self, belongs_to: Hashable) -> None:
        """Make what calls may be made. What is left goes when one of them has ended."""
        while self._under_way[belongs_to] < MOST and belongs_to in self._gathering:
            gathered = self._gathering.pop(belongs_to)
            waiting = [one for one in gathered if not one.result.done()]  # others were cancelled
            if waiting[LARGEST:]:
                self._gathering[belongs_to] = waiting[LARGEST:]
            if waiting:
                self._under_way[belongs_to] += 1
                shared = waiting[:LARGEST]
                call = asyncio.create_task(self._answer(belongs_to, shared))
                for one in shared:
                    one.call = call
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)
        if not self._under_way[belongs_to]:
            del self._under_way[belongs_to]

    async def _answer(self, belongs_to: Hashable, asked: list[_Asked]) -> None:
        try:
            found = await self._call([one.arguments for one in asked])
        except Exception as problem:
            found = [problem] * len(asked)
        for one, came in zip(asked, found, strict=True):
            if one.result.done():
                continue
            if isinstance(came, Exception):
                one.result.set_exception(came)
            else:
                one.result.set_result(came)
        self._under_way[belongs_to] -= 1
        self._send(belongs_to)

    async def close(self) -> None:
        """Wait for the calls that are being made."""
        while self._gathering or self._calls:
            await asyncio.sleep(0)
            if self._calls:
                await asyncio.wait(self._calls)
