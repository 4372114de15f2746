"""One line a second for a thing that repeats, with its count: a flood of requests is no flood of
lines."""

import logging
import time
from collections.abc import Callable

EVERY = 1.0  # seconds


class RepeatedLog:
    """Of one thing. What comes too soon is counted, and told with the next line."""

    def __init__(
        self, log: logging.Logger, level: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._level = level
        self._clock = clock
        self._told = -EVERY
        self._left = 0

    def __call__(self, text: str, *arguments: object) -> None:
        now = self._clock()
        if now - self._told < EVERY:
            self._left += 1
            return
        self._told = now
        left, self._left = self._left, 0
        more = f" (and {left} more like it)" if left else ""
        self._log.log(self._level, f"{text}%s", *arguments, more)
