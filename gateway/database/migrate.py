"""Bring a database to the schema of this version: forward only, all or nothing, one at a time.

`sql/schema/NNNN_name.sql` are applied once each, in order. Functions, a file each, and grants are
replaced as a whole when any of them has changed. Everything happens in one transaction under a
lock, so that it can be run twice, and from two machines at once.

The upper-case names and `checksum` are shared with what migrates by another way (supabase/).
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

FUNCTIONS = "functions"  # the one row that stands for all that is replaced
LOCK = 0x6C6F63616C6C6C6D  # "localllm": the advisory lock of whoever migrates
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
# Not to_regclass: after waiting for the lock it would still remember that nothing was there.
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
    """A newer version of localllm has changed the schema."""


class SchemaChanged(StoreUnavailable):
    """A schema file was edited after it had been applied."""


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing; the names of what was applied, none when all was up to date.

    Raises StoreUnavailable, of which the two classes above are kinds, with words for the owner.
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
    """What `migrate` would apply; nothing is changed."""
    async with _transaction(dsn) as connection:
        return list(_missing(await _applied(connection)))


@asynccontextmanager
async def _transaction(dsn: str) -> AsyncGenerator[Any]:
    """One transaction on a connection of its own, whose statements no pooler tears apart."""
    with explained():
        connection = await _connect(dsn)
        try:
            async with connection.transaction():
                yield connection
        finally:
            await connection.close(timeout=5.0)


def folder() -> Path:
    """Where the SQL is: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


def steps() -> dict[str, str]:
    """Everything there is, in the order in which it is applied: name and SQL."""
    sql = folder()
    schema = {file.stem: file.read_text("utf-8") for file in sorted(sql.glob("schema/*.sql"))}
    replaced = [*_functions(sql), (sql / "grants.sql").read_text("utf-8")]
    return schema | {FUNCTIONS: "\n".join(replaced)}


def _functions(sql: Path) -> list[str]:
    """Each function after those that it calls: Postgres looks them up when it makes one in SQL.

    The order hangs on the calls and the names alone, so that the checksum is the same everywhere.
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
    """What is still to be applied. Raises for a database that this version cannot serve."""
    known = steps()
    newer = sorted(applied.keys() - known.keys())
    if newer:
        raise DatabaseTooNew(
            f"the database was made by a newer version of localllm (it has {newer[-1]}): "
            "update localllm, or use another database."
        )
    missing = {name: text for name, text in known.items() if applied.get(name) != checksum(text)}
    changed = [name for name in missing if name in applied and name != FUNCTIONS]
    if changed:
        raise SchemaChanged(
            f"sql/schema/{changed[0]}.sql was changed after it had been applied: undo that, "
            "and write a new file instead."
        )
    if missing:  # functions may use what a new file makes, and new tables need grants
        missing[FUNCTIONS] = known[FUNCTIONS]
    return missing


def lacking(applied: Mapping[str, str]) -> list[str]:
    """The steps that a database which has `applied` (version → checksum) lacks. For those that
    another program migrates: one that is newer lacks nothing, its functions are only added to."""
    known = steps()
    if applied.keys() - known.keys():
        return []
    return [name for name, text in known.items() if applied.get(name) != checksum(text)]


def checksum(text: str) -> str:
    """What is recorded of a step: the SHA-256 of its SQL, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
