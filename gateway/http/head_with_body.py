"""Send the head of an answer together with the first bytes of its body: one packet, one call."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any


class HeadWithBody:
    """The transport of one answer, for uvicorn, which writes the head by itself. The head waits for
    the body until the end of the loop's turn."""

    def __init__(self, transport: Any, loop: AbstractEventLoop, end: Callable[[], None]) -> None:
        """`end`: closes the connection behind the answer."""
        self._transport = transport
        self._loop = loop
        self._end = end
        self._begun = False
        self._head = b""  # what waits
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._head = data
            self._loop.call_soon(self._flush)
        elif self._head:
            head, self._head = self._head, b""
            if data:
                self._transport.writelines((head, data))
            else:  # of an empty part asyncio's transport (3.12 and later) would never see the end
                self._transport.write(head)
        else:
            self._transport.write(data)

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)

    def close(self) -> None:
        self._flush()
        self._end()
