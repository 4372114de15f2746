"""A client that has closed its half of the connection: does it wait for its answer, or has it left?

TCP tells the two apart only when something is sent: the system of one that has left answers with a
reset. So something is sent that every client passes over, and the reset is looked for.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

# Seconds after the probe; a reset takes one round trip, which is nothing on this machine.
_LOOKS = (0.0, 0.001, 0.003, 0.01, 0.05, 0.2, 0.5, 1.0, 3.0)
PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"  # of an answer that has not begun


def look_for_reset(
    transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, left: Callable[[], None]
) -> None:
    """Call `left` when the client turns out to have left, after something was sent to it. Nothing
    reads from the connection any more, so nothing else would tell."""
    held: Any = transport.get_extra_info("socket")

    def look() -> None:
        if transport.is_closing():
            return
        try:
            failed = held.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError:
            failed = True
        if failed:
            left()

    for seconds in _LOOKS:
        loop.call_later(seconds, look)
