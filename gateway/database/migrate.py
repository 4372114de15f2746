"""Bring a database to the schema of this version: forward only, all or nothing.

Each `sql/schema/NNNN_name.sql` is applied once, in order. All functions and grants are replaced
together when any of them has changed. Everything happens in one transaction under a lock, so it is
safe to run it twice, or from two machines at once.

The upper-case names and `checksum` are shared with scripts/supabase_migrations.py.
"""

import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import asyncpg

from gateway.stores import StoreUnavailable
from gateway.stores.problems import explained

_driver: Any = asyncpg  # it has no types

FUNCTIONS = "functions"  # the name of the step that replaces all functions and grants
LOCK = 0x6C6F63616C6C6C6D  # "localllm": the advisory lock during a migration
_TIMEOUT = 60.0
_CALL = re.compile(r"gateway\.(\w+)\(")

BOOKS = """
create schema if not exists gateway;
create table if not exists gateway.migrations (
    version text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);
"""
# Not to_regclass: after waiting for the lock, it would still give the result from before.
_HAS_BOOKS = """
select exists (
    select 1 from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    where n.nspname = 'gateway' and c.relname = 'migrations'
)
"""
_RECORD = """
insert into gateway.migrations (version, checksum) values ($1, $2)
on conflict (version) do update set checksum = excluded.checksum, applied_at = now()
"""


class DatabaseTooNew(StoreUnavailable):
    """The schema is that of a newer version of localllm."""


class SchemaChanged(StoreUnavailable):
    """A schema file was edited after it had been applied."""


async def migrate(dsn: str) -> list[str]:
    """Apply the missing steps and return their names; [] if the schema was up to date.

    Raises StoreUnavailable (the two classes above are subclasses) with a text for the owner.
    """
    async with _transaction(dsn) as connection:
        if not _missing(await _applied(connection)):
            return []
        await connection.fetchval("select pg_advisory_xact_lock($1::bigint)", LOCK)
        missing = _missing(await _applied(connection))
        if missing:
            await connection.execute(BOOKS)
        for name, text in missing.items():
            await connection.execute(text)
            await connection.execute(_RECORD, name, checksum(text))
    return list(missing)


async def pending(dsn: str) -> list[str]:
    """The names of the steps that `migrate` would apply. Changes nothing."""
    async with _transaction(dsn) as connection:
        return list(_missing(await _applied(connection)))


@asynccontextmanager
async def _transaction(dsn: str) -> AsyncGenerator[Any]:
    """One transaction on its own connection: a pooler keeps its statements together."""
    with explained():
        connection = await _connect(dsn)
        try:
            async with connection.transaction():
                yield connection
        finally:
            await connection.close(timeout=5.0)


def folder() -> Path:
    """The directory with the SQL: inside the package in a wheel, next to it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


def steps() -> dict[str, str]:
    """All steps in the order in which they are applied: name → SQL."""
    sql = folder()
    schema = {file.stem: file.read_text("utf-8") for file in sorted(sql.glob("schema/*.sql"))}
    replaced = [*_functions(sql), (sql / "grants.sql").read_text("utf-8")]
    return schema | {FUNCTIONS: "\n".join(replaced)}


def _functions(sql: Path) -> list[str]:
    """The SQL of the functions, each after those that it calls, because Postgres looks them up when
    it creates a function in the language SQL.

    The order depends only on calls and names, so the checksum is the same on every machine.
    """
    files = [*sql.glob("helpers/**/*.sql"), *sql.glob("functions/*.sql")]
    texts = {file.stem: file.read_text("utf-8") for file in files}
    calls = {name: texts.keys() & set(_CALL.findall(text)) for name, text in texts.items()}
    sorter = TopologicalSorter({name: called - {name} for name, called in calls.items()})
    sorter.prepare()
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += ready
        sorter.done(*ready)
    return [texts[name] for name in ordered]


async def _connect(dsn: str) -> Any:
    return await _driver.connect(
        dsn, timeout=_TIMEOUT, command_timeout=_TIMEOUT, statement_cache_size=0
    )


async def _applied(connection: Any) -> dict[str, str]:
    if not await connection.fetchval(_HAS_BOOKS):
        return {}
    rows = await connection.fetch("select version, checksum from gateway.migrations")
    return {row["version"]: row["checksum"] for row in rows}


def _missing(applied: dict[str, str]) -> dict[str, str]:
    """The steps still to be applied. Raises for a database that this version cannot use."""
    known = steps()
    newer = sorted(applied.keys() - known.keys())
    if newer:
        raise DatabaseTooNew(
            f"the database belongs to a newer version of localllm (it has {newer[-1]}): "
            "update localllm, or use another database."
        )
    missing = {name: text for name, text in known.items() if applied.get(name) != checksum(text)}
    changed = [name for name in missing if name in applied and name != FUNCTIONS]
    if changed:
        raise SchemaChanged(
            f"sql/schema/{changed[0]}.sql was changed after it had been applied: undo the change, "
            "and add a new file instead."
        )
    if missing:  # functions may use new tables, and new tables need grants
        missing[FUNCTIONS] = known[FUNCTIONS]
    return missing


def lacking(applied: Mapping[str, str]) -> list[str]:
    """The steps that are missing from a database with `applied` (version → checksum), for one that
    another program migrates. A newer database lacks nothing, because functions are only added."""
    known = steps()
    if applied.keys() - known.keys():
        return []
    return [name for name, text in known.items() if applied.get(name) != checksum(text)]


def checksum(text: str) -> str:
    """The SHA-256 of a step's SQL in hexadecimal, as it is recorded in the database."""
    return hashlib.sha256(text.encode()).hexdigest()
