"""Signals in two stages: the first one asks for a clean end, a later one for an end at once."""

import asyncio
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def two_stage(first: Callable[[], object], later: Callable[[], object]) -> Generator[None]:
    """While active, the first Ctrl-C or SIGTERM calls `first` in the running loop, all others call
    `later`."""
    loop = asyncio.get_running_loop()
    came = 0

    def act() -> None:
        nonlocal came
        came += 1
        (first if came == 1 else later)()

    def handle(*_: object) -> None:
        loop.call_soon_threadsafe(act)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
