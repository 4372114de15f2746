"""One response: its head, and its body as it arrives."""

import asyncio
from typing import Protocol, Self

from gateway.backends.http1.problems import TransportError

MOST_AHEAD = 128 * 1024  # bytes of a body that wait to be read before the server has to wait


class Source(Protocol):
    """The connection that it comes on."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def leave(self, response: "Response", /) -> None: ...


class Response:
    """An asynchronous iterator over the body: each item is all that is there. It raises ReadTimeout
    where no byte came for too long, and ReadError where the body was cut. Close it in any case."""

    __slots__ = (
        *("status", "content_type", "coded", "ended", "_error", "_loop", "_parts", "_size"),
        *("_paused", "_source", "_waiting"),
    )

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0  # until its head is here
        self.content_type = ""
        self.coded = False  # its body is compressed, and stays so
        self.ended = False  # nothing more will come
        self._error: TransportError | None = None
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0  # bytes that wait to be read
        self._paused = False
        self._source = source
        self._waiting: asyncio.Future[None] | None = None

    async def head(self) -> None:
        """Wait for it. Raises TransportError."""
        while not self.status and not self.ended:
            await self._next()
        if not self.status:
            assert self._error is not None
            raise self._error

    def begin(self, status: int, content_type: str, *, coded: bool) -> None:
        """The head is here."""
        self.content_type = content_type
        self.coded = coded
        self.status = status
        self._wake()

    def feed(self, data: bytes) -> None:
        """More of the body is here."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > MOST_AHEAD and not self._paused:
            self._paused = True
            self._source.pause()
        self._wake()

    def end(self, error: TransportError | None = None) -> None:
        """That was all of it. `error`: it should not have been."""
        if not self.ended:
            self.ended = True
            self._paused = False  # the connection may serve another by the time that this is read
            self._error = error
            self._wake()

    def _wake(self) -> None:
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            if not waiting.done():
                waiting.set_result(None)

    async def _next(self) -> None:
        self._waiting = self._loop.create_future()
        await self._waiting

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while True:
            parts = self._parts
            if parts:
                data = parts[0] if len(parts) == 1 else b"".join(parts)
                parts.clear()
                self._size = 0
                if self._paused:
                    self._paused = False
                    self._source.resume()
                return data
            if self.ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._next()

    def close(self) -> None:
        """Nobody reads what is left. If it has not ended, its connection is closed at once."""
        self._source.leave(self)
