"""Calls of one turn of the event loop that belong together, made as one.

The more callers there are at once, the more share a round trip; a single one waits for nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

Arguments = tuple[Any, ...]
_Asked = list[tuple[Arguments, asyncio.Future[Any]]]


class Together:
    """`call` makes one call of many: what each came to, in the order of the arguments, which may be
    an exception; one that it raises is of all."""

    def __init__(self, call: Callable[[Sequence[Arguments]], Awaitable[Sequence[Any]]]) -> None:
        self._call = call
        self._gathering: dict[Hashable, _Asked] = {}
        self._calls: set[asyncio.Task[None]] = set()

    async def ask(self, belongs_to: Hashable, arguments: Arguments) -> Any:
        """The result for these, with those that belong to the same and come in this turn. A caller
        that is cancelled lets the others have theirs."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()
        gathered = self._gathering.get(belongs_to)
        if gathered is None:
            self._gathering[belongs_to] = [(arguments, result)]
            loop.call_soon(self._send, belongs_to)
        else:
            gathered.append((arguments, result))
        return await result

    def _send(self, belongs_to: Hashable) -> None:
        call = asyncio.create_task(self._answer(self._gathering.pop(belongs_to)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _answer(self, asked: _Asked) -> None:
        asked = [one for one in asked if not one[1].done()]  # who was cancelled asks no more
        if not asked:
            return
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

    async def close(self) -> None:
        """Wait for the calls that are being made."""
        while self._gathering or self._calls:
            await asyncio.sleep(0)
            if self._calls:
                await asyncio.wait(self._calls)
