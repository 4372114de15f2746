"""One page that watches: what it has not been sent yet. A slow one costs no more than this."""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from gateway.dialects.shared import sse

_MOST = 200  # events that wait for it; the oldest go


class Watcher:
    """`cut` ends the stream of a page that takes nothing, and so would not hear of the end."""

    def __init__(self) -> None:
        self._status = b""  # the newest alone
        self._events: deque[bytes] = deque(maxlen=_MOST)
        self._news = asyncio.Event()
        self._waits = False  # for news; else they are being sent
        self.ended = False
        self.cut: Callable[[], None] = lambda: None

    def show(self, status: bytes) -> None:
        """A status in place of the one that it has not seen."""
        self._status = status
        self._news.set()

    def tell(self, event: bytes) -> None:
        self._events.append(event)
        self._news.set()

    def end(self) -> None:
        self.ended = True
        self._news.set()
        if not self._waits:
            self.cut()

    async def news(self) -> bytes:
        """The events since the last call, when there are some; b"": it has ended."""
        self._waits = True
        await self._news.wait()
        self._waits = False
        self._news.clear()
        news = b"".join((*self._events, self._status))
        self._events.clear()
        self._status = b""
        return news


def event(name: bytes, told: object) -> bytes:
    """A server-sent event with JSON."""
    return sse.write(msgspec.json.encode(told), name)
