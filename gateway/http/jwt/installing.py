"""Brings the package that verifies signatures, once somebody has set an issuer."""

import asyncio
import logging
import time
from collections.abc import Callable

from gateway.config.extras import JWT, Extra, ExtraError

_AGAIN = 600.0  # seconds after a failed try
SOON_MS = 10_000  # an installation takes about so long

_log = logging.getLogger("localllm.jwt")


class Installing:
    """`clock`: seconds that only go forward."""

    def __init__(self, extra: Extra = JWT, clock: Callable[[], float] = time.monotonic) -> None:
        self._extra = extra
        self._clock = clock
        self._done = False
        self._task: asyncio.Task[None] | None = None
        self._begun = -_AGAIN

    def is_done(self) -> bool:
        """Whether the package is there. If not, and it was not tried just now, it is installed
        beside the request. Only in a running loop."""
        if self._done:
            return True
        if self._task is not None:
            return False
        self._done = self._extra.is_installed()
        if not self._done and self._clock() - self._begun >= _AGAIN:
            self._begun = self._clock()
            self._task = asyncio.create_task(self._install())
        return self._done

    async def _install(self) -> None:
        _log.warning("Installing what verifies the tokens of visitors (once).")
        try:
            await self._extra.install()
        except ExtraError as problem:
            _log.error("Tokens of visitors cannot be verified without PyJWT: %s", problem)
        finally:
            self._task = None
