"""How long calls take."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def timed(
    call: Callable[[Argument], Awaitable[Result]], took: Callable[[float], None]
) -> Callable[[Argument], Awaitable[Result]]:
    """The same call. `took` is told the seconds of each that does not fail."""

    async def call_timed(argument: Argument) -> Result:
        started = time.monotonic()
        result = await call(argument)
        took(time.monotonic() - started)
        return result

    return call_timed
