"""Work on large bodies in a thread, so that all other requests go on meanwhile.

One at a time: a thread takes the interpreter from the loop for moments, two would do so twice as
often, and what a body is parsed into is many times its size.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

LARGE = 256 * 1024  # bytes; to parse as many takes a millisecond or so

Result = TypeVar("Result")
_one = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")


async def off_loop(work: Callable[[], Result]) -> Result:
    """What `work` gives. It must touch nothing that others change."""
    return await asyncio.get_running_loop().run_in_executor(_one, work)
