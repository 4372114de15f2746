"""Restart the embedded Postgres if it dies."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from gateway.database.opening import to_its_end
from gateway.embedded import EmbeddedError, EmbeddedPostgres

INTERVAL = 1.0  # seconds between two checks
TELL_AFTER = 5  # failed restarts before one is logged
_log = logging.getLogger("localllm.supervision")


@contextlib.asynccontextmanager
async def supervised(postgres: EmbeddedPostgres | None) -> AsyncGenerator[None]:
    """While active, the embedded server is restarted whenever it has died."""
    if postgres is None:
        yield
        return
    task = asyncio.create_task(_watch(postgres))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _watch(postgres: EmbeddedPostgres) -> None:
    failures = 0
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            if await to_its_end(postgres.ensure_running):
                _log.warning("the embedded Postgres had died and was restarted")
            failures = 0
        except (EmbeddedError, OSError) as problem:
            failures += 1  # for a moment, leftovers of the dead server can be in the way
            if failures == TELL_AFTER:
                _log.error("the embedded Postgres does not start: %s", problem)
