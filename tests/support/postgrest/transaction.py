"""One call's transaction, statement by statement as PostgREST sends them (MainTx.hs)."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from tests.support.postgrest.calls import Refused
from tests.support.postgrest.problems import problem
from tests.support.postgrest.statements import set_all

# What the driver raises when it has lost the server.
LOST = (OSError, EOFError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def run(
    connection: Any, settings: Mapping[str, str], sql: str, arguments: Sequence[Any], *, write: bool
) -> Any:
    """The row of `sql`, committed. Raises Refused."""
    try:
        return await _committed(connection, settings, sql, arguments, write=write)
    except (asyncpg.PostgresError, *LOST) as failure:
        raise _explained(failure, anonymous=settings["role"] == "anon") from failure


async def _committed(
    connection: Any, settings: Mapping[str, str], sql: str, arguments: Sequence[Any], *, write: bool
) -> Any:
    values = dict(settings)
    isolation = values.pop("default_transaction_isolation", "read committed")
    flat = [text for pair in values.items() for text in pair]
    mode = "READ WRITE" if write else "READ ONLY"
    try:
        await connection.execute(f"BEGIN ISOLATION LEVEL {isolation} {mode}")
        await connection.execute(set_all(len(values)), *flat)
        row = await connection.fetchrow(sql, *arguments)
        await connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(asyncpg.PostgresError, *LOST):
            await connection.execute("ROLLBACK")
        raise
    return row


def _explained(failure: Exception, *, anonymous: bool) -> Refused:
    """An error of the server has its own code; without one, the connection was lost."""
    if isinstance(failure, asyncpg.PostgresError) and failure.message is not None:
        return problem(
            failure.sqlstate, failure.message, failure.detail, failure.hint, anonymous=anonymous
        )
    words = "Database client error. Retrying the connection."
    return problem("PGRST001", words, str(failure))
