"""A small pool of connections to Postgres.

asyncpg's own pool takes as much CPU as the query. This one does only what short, independent calls
need: nothing is reset between calls, and a connection whose call failed is closed.

**Behind a pooler** such as PgBouncer each transaction may run in another session, so nothing may be
left in one: a call is then a transaction, which asyncpg's unnamed statement does not outlive. That
takes three more round trips. A pooler shows itself by the process that it names as its own: not the
one that serves.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from gateway.stores import StoreUnavailable
from gateway.stores.problems import FAILURES, LOST_STATEMENT, is_passing

IDLE_SECONDS = 300.0  # close idle connections before routers forget them

_driver: Any = asyncpg  # it has no types


class _Place:
    """Room for one connection."""

    connection: Any = None
    pooled = False  # it was made for a pooler
    used: float = 0.0


class Connections:
    """At most `limit` connections; the one used last is used first."""

    def __init__(self, dsn: str, limit: int, timeout: float) -> None:
        self._dsn = dsn
        self._timeout = timeout
        self.pooled = False
        self._closed = False
        self._ending: set[asyncio.Task[None]] = set()
        self._places = [_Place() for _ in range(limit)]
        self._free: asyncio.LifoQueue[_Place] = asyncio.LifoQueue()
        for place in self._places:
            self._free.put_nowait(place)

    async def look_for_pooler(self) -> None:
        """Before the first call."""
        self.pooled = True  # as long as it is not known
        place = _Place()
        connection = await self._connect(place)
        try:
            async with connection.transaction():
                serving = await connection.fetchval("select pg_backend_pid()")
            self.pooled = serving != connection.get_server_pid()
        finally:
            await _end(connection, self._timeout)

    async def fetchrow(self, sql: str, *arguments: Any) -> Any:
        """Run one statement by itself; its first row."""
        return await self._run(lambda connection: connection.fetchrow(sql, *arguments))

    async def fetchmany(self, sql: str, arguments: Sequence[tuple[Any, ...]]) -> Any:
        """Run one statement for each of the arguments, all of them or none; their rows."""
        return await self._run(lambda connection: connection.fetchmany(sql, arguments))

    async def _run(self, call: Callable[[Any], Awaitable[Any]]) -> Any:
        if self._free.empty():
            async with asyncio.timeout(self._timeout):
                place = await self._free.get()
        else:
            place = self._free.get_nowait()
        try:
            connection = place.connection
            if connection is None or connection.is_closed() or self._stale(place):
                connection = await self._connect(place)
            try:
                if place.pooled:
                    async with connection.transaction():
                        found = await call(connection)
                else:
                    found = await call(connection)
            except BaseException as problem:
                if isinstance(problem, LOST_STATEMENT):
                    self.pooled = True
                answered = isinstance(problem, asyncpg.PostgresError)
                if not answered or is_passing(problem):
                    self._drop(place)  # cancelled or broken: its state is unknown
                raise
            place.used = time.monotonic()
            return found
        finally:
            self._free.put_nowait(place)

    async def _connect(self, place: _Place) -> Any:
        if self._closed:
            raise StoreUnavailable("the store is closed.")
        self._drop(place)
        place.pooled = self.pooled
        place.connection = await _driver.connect(
            self._dsn,
            timeout=self._timeout,
            command_timeout=self._timeout,
            **({"statement_cache_size": 0} if place.pooled else {}),
        )
        return place.connection

    def _stale(self, place: _Place) -> bool:
        return place.pooled != self.pooled or time.monotonic() - place.used > IDLE_SECONDS

    def trim(self) -> None:
        """Close the connections that were idle for too long."""
        waiting = [self._free.get_nowait() for _ in range(self._free.qsize())]
        for place in reversed(waiting):
            if place.connection is not None and self._stale(place):
                self._drop(place)
            self._free.put_nowait(place)

    def _drop(self, place: _Place) -> None:
        """Close its connection in the background, which also ends its running statement."""
        if place.connection is not None:
            task = asyncio.create_task(_end(place.connection, self._timeout))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            place.connection = None

    async def close(self) -> None:
        """Wait for the running calls, which end in time, and close every connection."""
        self._closed = True
        for _ in self._places:
            self._drop(await self._free.get())
        for place in self._places:
            self._free.put_nowait(place)
        await asyncio.gather(*self._ending)


async def _end(connection: Any, timeout: float) -> None:
    try:
        await connection.close(timeout=timeout)
    except FAILURES:
        connection.terminate()
