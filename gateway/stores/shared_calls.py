"""Calls of one group that are wanted at once, made as one.

The more callers there are at once, the more share a round trip; a single one waits for nobody. A
call is shared by who asks in the same turn of the event loop. While MOST_CALLS of a group are under
way, the next one is shared by all who ask until one of them has ended: so those of one key never
take all connections from those of others.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

MOST_CALLS = 2  # of one group under way
# Of one call, which is one transaction: the row of the first is locked until the last is served.
MOST_CALLERS = 64

Arguments = tuple[Any, ...]


class _Asked:
    """What one caller asks, and the call that it shares once that is made."""

    __slots__ = ("arguments", "call", "result")

    def __init__(self, arguments: Arguments, result: asyncio.Future[Any]) -> None:
        self.arguments = arguments
        self.result = result
        self.call: asyncio.Task[None] | None = None


class SharedCalls:
    """`call` makes one call of many: what each came to, in the order of the arguments, which may be
    an exception; one that it raises is of all."""

    def __init__(self, call: Callable[[Sequence[Arguments]], Awaitable[Sequence[Any]]]) -> None:
        self._call = call
        self._gathering: dict[Hashable, list[_Asked]] = {}
        self._under_way: Counter[Hashable] = Counter()
        self._calls: set[asyncio.Task[None]] = set()

    async def ask(self, group: Hashable, arguments: Arguments) -> Any:
        """What came for these. A caller that is cancelled waits for the end of its call: what its
        cleaning up sends would else wait for rows that the call has locked."""
        loop = asyncio.get_running_loop()
        asked = _Asked(arguments, loop.create_future())
        gathered = self._gathering.get(group)
        if gathered is None:
            gathered = self._gathering[group] = []
            loop.call_soon(self._send, group)
        gathered.append(asked)
        try:
            return await asked.result
        except asyncio.CancelledError:
            if asked.call is not None:
                await asyncio.wait([asked.call])
            raise

    def _send(self, group: Hashable) -> None:
        """Make what calls may be made. What is left goes when one of them has ended."""
        while self._under_way[group] < MOST_CALLS and group in self._gathering:
            gathered = self._gathering.pop(group)
            waiting = [one for one in gathered if not one.result.done()]  # others were cancelled
            if waiting[MOST_CALLERS:]:
                self._gathering[group] = waiting[MOST_CALLERS:]
            if waiting:
                self._under_way[group] += 1
                shared = waiting[:MOST_CALLERS]
                call = asyncio.create_task(self._answer(group, shared))
                for one in shared:
                    one.call = call
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)
        if not self._under_way[group]:
            del self._under_way[group]

    async def _answer(self, group: Hashable, asked: list[_Asked]) -> None:
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
        self._under_way[group] -= 1
        self._send(group)

    async def close(self) -> None:
        """Wait for the calls that are being made."""
        while self._gathering or self._calls:
            await asyncio.sleep(0)
            if self._calls:
                await asyncio.wait(self._calls)
