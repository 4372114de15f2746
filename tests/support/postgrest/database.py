"""PostgREST's way to the database: a pool of connections as `authenticator`, and a schema cache.

The database may be away, and come back: every call finds out for itself.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from tests.support.postgrest import routines, transaction
from tests.support.postgrest.calls import Refused
from tests.support.postgrest.problems import problem
from tests.support.postgrest.routines import Routine
from tests.support.postgrest.transaction import LOST

CONNECTIONS = 20
PATIENCE = 10.0  # seconds for a connection to become free: db-pool-acquisition-timeout

# What a role was given with `alter role … set`, and may set for itself.
ROLE_SETTINGS = """
select
    r.rolname,
    known.name,
    substr(s.setting, strpos(s.setting, '=') + 1)
from pg_catalog.pg_auth_members as m
join pg_catalog.pg_roles as r on r.oid = m.roleid
cross join lateral unnest(r.rolconfig) as s (setting)
join pg_catalog.pg_settings as known
    on known.name = split_part(s.setting, '=', 1) and known.context = 'user'
where m.member = current_user::regrole
"""


class Database:
    """Between `open` and `close` it is asked by many calls at once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Any = None
        self._routines: list[Routine] | None = None
        self._role_settings: dict[str, list[tuple[str, str]]] = {}

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._dsn,
            user="authenticator",
            min_size=0,
            max_size=CONNECTIONS,
            timeout=PATIENCE,
            reset=_nothing,
            server_settings={"application_name": "postgrest"},
        )

    async def close(self) -> None:
        self._pool.terminate()
        self._routines = None  # the next start reads it anew

    def settings_of(self, role: str) -> list[tuple[str, str]]:
        return self._role_settings.get(role, [])

    async def routine(self, name: str, given: frozenset[str]) -> Routine:
        """The function that is meant. Raises Refused.

        One that is not known is looked for once more: on Supabase a trigger on every DDL command
        has PostgREST read its cache again.
        """
        if self._routines is not None:
            with contextlib.suppress(Refused):
                return routines.find(self._routines, name, given)
        return routines.find(await self._read(), name, given)

    async def run(
        self,
        settings: Sequence[tuple[str, str]],
        sql: str,
        arguments: Sequence[Any],
        *,
        write: bool,
    ) -> Any:
        """The row of `sql`, committed. Raises Refused."""
        connection = await self._acquired()
        try:
            return await transaction.run(connection, dict(settings), sql, arguments, write=write)
        finally:
            await self._pool.release(connection)

    async def _acquired(self) -> Any:
        try:
            return await self._pool.acquire(timeout=PATIENCE)
        except TimeoutError:
            words = "Timed out acquiring connection from connection pool."
            raise problem("PGRST003", words) from None
        except (asyncpg.PostgresError, *LOST) as failure:
            raise problem("PGRST000", "Database connection error.", str(failure)) from failure

    async def _read(self) -> list[Routine]:
        """The schema cache, read anew."""
        try:
            async with self._pool.acquire(timeout=PATIENCE) as connection:
                rows = await connection.fetch(routines.QUERY, routines.SCHEMA)
                settings = await connection.fetch(ROLE_SETTINGS)
        except (asyncpg.PostgresError, *LOST) as failure:
            words = "Could not query the database for the schema cache. Retrying."
            raise problem("PGRST002", words) from failure
        self._routines = routines.read(rows, msgspec.json.decode)
        self._role_settings = {}
        for role, name, value in settings:
            self._role_settings.setdefault(role, []).append((name, value))
        return self._routines


async def _nothing(_connection: Any) -> None:
    """Like PostgREST, leave a connection as it is: all that a call sets ends with it."""
