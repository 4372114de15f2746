"""Read a body of unknown length into memory that is bounded."""

from collections.abc import AsyncIterable


async def read_at_most(limit: int, chunks: AsyncIterable[bytes], into: bytearray) -> bool:
    """Append a body to `into`, up to `limit` bytes of it. False: there is more, which is left.

    `chunks`: of an httpx response `aiter_raw()`, or where the transport is called without a client
    its `stream`. (`aiter_bytes()` unpacks first: of a hostile server one chunk may be huge.)
    What came before an exception stays in `into`.
    """
    room = limit
    async for chunk in chunks:
        into += chunk[:room]
        room -= len(chunk)
        if room < 0:
            return False
    return True
