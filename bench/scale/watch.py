"""What Postgres does meanwhile: CPU, connections, waits for locks, what it writes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench import processes
from bench.scale.fleet import log_of
from tests.support.postgres import Server

EVERY = 0.02  # seconds between two looks
_LOOK = """
select count(*), count(*) filter (where wait_event_type = 'Lock')
from pg_stat_activity
where backend_type = 'client backend' and datname = current_database() and pid <> pg_backend_pid()
"""
_LSN = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


@dataclass(slots=True)
class Seen:
    """Over the whole time. `waiting`: backends that waited for a lock, on average."""

    cpu: float = 0.0  # seconds
    connections: int = 0  # the most
    waiting: float = 0.0
    most_waiting: int = 0
    long_waits: int = 0  # for a lock, of more than 100 ms
    deadlocks: int = 0
    wal: int = 0  # bytes


@asynccontextmanager
async def watching(server: Server, dsn: str) -> AsyncIterator[Seen]:
    """`Seen` is complete when the block has ended."""
    seen, looks = Seen(), list[tuple[int, int]]()
    connection: Any = await asyncpg.connect(dsn)

    async def look() -> None:
        while not over:
            looks.append(tuple(await connection.fetchrow(_LOOK)))
            await asyncio.sleep(EVERY)

    over: list[bool] = []
    own = connection.get_server_pid()
    said, wal, cpu = log_of(server), await connection.fetchval(_LSN), _cpu(server, own)
    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        over.append(True)
        await looking
        seen.cpu = _cpu(server, own) - cpu
        seen.wal = int(await connection.fetchval(_LSN) - wal)
        await connection.close()
    seen.connections = max(one for one, _ in looks)
    seen.waiting = sum(one for _, one in looks) / len(looks)
    seen.most_waiting = max(one for _, one in looks)
    more = log_of(server)[len(said) :]
    seen.long_waits = more.count(" still waiting for ")
    seen.deadlocks = more.count("deadlock detected")


def _cpu(server: Server, but: int) -> float:
    assert server.process is not None
    family = processes.tree(server.process.pid)
    return processes.cpu_seconds(one for one in family if one.pid != but)
