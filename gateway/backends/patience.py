"""How long to wait for the head of an answer: longer while the model is being loaded."""

import asyncio
from collections.abc import Awaitable, Callable

Loading = Callable[[], Awaitable[bool]]


class Patience:
    """A context manager. After `seconds` it lets `limit` strike, unless `loading` says that the
    model is being loaded: then after as many seconds more."""

    def __init__(self, limit: asyncio.Timeout, seconds: float, loading: Loading) -> None:
        self._limit, self._seconds, self._loading = limit, seconds, loading
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._is_late)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _is_late(self) -> None:
        self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        if await self._loading():
            self._timer = self._loop.call_later(self._seconds, self._is_late)
        else:
            self._limit.reschedule(self._loop.time())
