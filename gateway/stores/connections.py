"""A small pool of connections to Postgres.

asyncpg's own pool takes as much CPU as the query. This one does only what short, independent calls
need: nothing is reset between calls, and a connection whose call failed is closed.
"""

import asyncio
import time
from typing import Any

import asyncpg

from gateway.stores import StoreUnavailable
from gateway.stores.problems import FAILURES, is_lost_connection

IDLE_SECONDS = 300.0  # close idle connections before routers forget them

_driver: Any = asyncpg  # it has no types


class _Slot:
    """Room for one connection."""

    connection: Any = None
    used: float = 0.0


class Connections:
    """At most `limit` connections; the one used last is used first."""

    def __init__(self, dsn: str, limit: int, timeout: float) -> None:
        self._dsn = dsn
        self._timeout = timeout
        self._closed = False
        self._ending: set[asyncio.Task[None]] = set()
        self._slots = [_Slot() for _ in range(limit)]
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        for slot in self._slots:
            self._free.put_nowait(slot)

    async def fetchrow(self, sql: str, *arguments: Any) -> Any:
        """Run one statement by itself; its first row."""
        if self._free.empty():
            async with asyncio.timeout(self._timeout):
                slot = await self._free.get()
        else:
            slot = self._free.get_nowait()
        try:
            connection = slot.connection
            if connection is None or connection.is_closed() or self._stale(slot):
                connection = await self._connect(slot)
            try:
                row = await connection.fetchrow(sql, *arguments)
            except BaseException as problem:
                answered = isinstance(problem, asyncpg.PostgresError)
                if not answered or is_lost_connection(problem):
                    self._drop(slot)  # cancelled or broken: its state is unknown
                raise
            slot.used = time.monotonic()
            return row
        finally:
            self._free.put_nowait(slot)

    async def _connect(self, slot: _Slot) -> Any:
        if self._closed:
            raise StoreUnavailable("the store is closed.")
        self._drop(slot)
        slot.connection = await _driver.connect(
            self._dsn, timeout=self._timeout, command_timeout=self._timeout
        )
        return slot.connection

    def _stale(self, slot: _Slot) -> bool:
        return time.monotonic() - slot.used > IDLE_SECONDS

    def trim(self) -> None:
        """Close the connections that were idle for too long."""
        waiting = [self._free.get_nowait() for _ in range(self._free.qsize())]
        for slot in reversed(waiting):
            if slot.connection is not None and self._stale(slot):
                self._drop(slot)
            self._free.put_nowait(slot)

    def _drop(self, slot: _Slot) -> None:
        """Close the slot's connection in the background, which also ends its running statement."""
        if slot.connection is not None:
            task = asyncio.create_task(_end(slot.connection, self._timeout))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            slot.connection = None

    async def close(self) -> None:
        """Wait for the running calls, which end in time, and close every connection."""
        self._closed = True
        for _ in self._slots:
            self._drop(await self._free.get())
        for slot in self._slots:
            self._free.put_nowait(slot)
        await asyncio.gather(*self._ending)


async def _end(connection: Any, timeout: float) -> None:
    try:
        await connection.close(timeout=timeout)
    except FAILURES:
        connection.terminate()
