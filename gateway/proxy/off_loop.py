"""Read bodies that take long in a thread, so that all other requests go on meanwhile.

One at a time: a thread takes the interpreter from the loop for moments, two would do so twice as
often, and what a body is parsed into is many times its size.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

LARGE = 256 * 1024  # bytes; to read as many takes a millisecond or so
LITTLE = 8 * 1024  # bytes; in fewer there is not much to read
MANY = 2000  # of the signs that stand around values; with as many it takes some milliseconds

Result = TypeVar("Result")
_one = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")


def takes_long(body: bytes | bytearray) -> bool:
    """Whether others would wait for it to be read: time goes to its values, more than to its bytes.
    Commas in texts count, too: it is a guess that has to be quick."""
    size = len(body)
    if size <= LITTLE:
        return False
    return size > LARGE or sum(map(body.count, (b",", b"{", b"["))) > MANY


async def off_loop(work: Callable[[], Result]) -> Result:
    """What `work` gives. It must touch nothing that others change."""
    return await asyncio.get_running_loop().run_in_executor(_one, work)
