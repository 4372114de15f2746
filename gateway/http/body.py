"""Read the body of a request: bounded in size, in time, and in how slowly it may come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.core.errors import Refusal
from gateway.http.body_budget import Lease

BODY_TIMEOUT = 600.0  # seconds for the whole of it
LITTLE = 64 * 1024  # bytes
GRACE = 10.0  # seconds in which nothing need come
SLOWEST = 1024  # bytes a second after that, counted from the beginning


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


Receive = Callable[[], Awaitable[Any]]


async def read_body(
    receive: Receive, limit: int, lease: Lease | None, *, here: bool
) -> bytes | bytearray | Refusal:
    """All of it, up to `limit` bytes. `lease`: what it takes of the memory for bodies. `here`: it
    has come as a whole, so it needs neither a timer nor a place among those that are waited for.
    Raises ClientGone."""
    if here:
        return await _read(receive, limit, lease, _no_matter)
    if lease is None:
        return await _wait_for(receive, limit, None)
    with lease:
        return lease.refusal or await _wait_for(receive, limit, lease)


async def _wait_for(
    receive: Receive, limit: int, lease: Lease | None
) -> bytes | bytearray | Refusal:
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(GRACE) as patience:

            def arrived(size: int) -> None:
                seconds = min(GRACE + size / SLOWEST, BODY_TIMEOUT)
                patience.reschedule(began + seconds)

            return await _read(receive, limit, lease, arrived)
    except TimeoutError:
        return Refusal("request_timeout")


async def _read(
    receive: Receive, limit: int, lease: Lease | None, arrived: Callable[[int], None]
) -> bytes | bytearray | Refusal:
    whole = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part, more = message.get("body", b""), message.get("more_body", False)
        if len(whole) + len(part) > limit:
            return Refusal("request_too_large", str(limit))
        if not whole and not more:
            return part
        whole += part
        if lease and len(whole) > LITTLE and (refusal := lease.hold(len(whole))) is not None:
            return refusal
        if not more:
            return whole
        arrived(len(whole))


def _no_matter(size: int) -> None:
    pass
