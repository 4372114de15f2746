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
_Asked = list[tuple[Arguments, asyncio.Future[Any]]]


class Together:
    """`call` makes one call of many: what each came to, in the order of the arguments, which may be
    an exception; one that it raises is of all."""

    def __init__(self, call: Callable[[Sequence[Arguments]], Awaitable[Sequence[Any]]]) -> None:
        self._call = call
        self._gathering: dict[Hashable, _Asked] = {}
        self._under_way: Counter[Hashable] = Counter()
        self._calls: set[asyncio.Task[None]] = set()

    async def ask(self, belongs_to: Hashable, arguments: Arguments) -> Any:
        """What came for these. A caller that is cancelled lets the others have theirs."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()
        gathered = self._gathering.get(belongs_to)
        if gathered is None:
            gathered = self._gathering[belongs_to] = []
            loop.call_soon(self._send, belongs_to)
        gathered.append((arguments, result))
        return await result

    def _send(self, belongs_to: Hashable) -> None:
        """Make what calls may be made. What is left goes when one of them has ended."""
        while self._under_way[belongs_to] < MOST and belongs_to in self._gathering:
            gathered = self._gathering.pop(belongs_to)
            waiting = [one for one in gathered if not one[1].done()]  # others were cancelled
            if waiting[LARGEST:]:
                self._gathering[belongs_to] = waiting[LARGEST:]
            if waiting:
                self._under_way[belongs_to] += 1
                call = asyncio.create_task(self._answer(belongs_to, waiting[:LARGEST]))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)
        if not self._under_way[belongs_to]:
            del self._under_way[belongs_to]

    async def _answer(self, belongs_to: Hashable, asked: _Asked) -> None:
        try:
            found = await self._call([arguments for arguments, _ in asked])
        except Exception as problem:
            found = [problem] * len(asked)
        for (_, result), one in zip(asked, found, strict=True):
            if result.done():
                continue
            if isinstance(one, Exception):
                result.set_exception(one)
            else:
                result.set_result(one)
        self._under_way[belongs_to] -= 1
        self._send(belongs_to)

    async def close(self) -> None:
        """Wait for the calls that are being made."""
        while self._gathering or self._calls:
            await asyncio.sleep(0)
            if self._calls:
                await asyncio.wait(self._calls)
