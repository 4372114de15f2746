"""What Postgres does meanwhile: CPU, connections, waits for locks, what it writes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench import processes
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
    wal: int = 0  # bytes


@asynccontextmanager
async def watching(server: Server, dsn: str) -> AsyncIterator[Seen]:
    """`Seen` is complete when the block has ended."""
    seen, looks, over = Seen(), list[tuple[int, int]](), asyncio.Event()
    connection: Any = await asyncpg.connect(dsn)

    async def look() -> None:
        while not over.is_set():
            looks.append(tuple(await connection.fetchrow(_LOOK)))
            await asyncio.sleep(EVERY)

    own = connection.get_server_pid()
    wal, cpu = await connection.fetchval(_LSN), _cpu(server, own)
    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        over.set()
        await looking
        seen.cpu = _cpu(server, own) - cpu
        seen.wal = int(await connection.fetchval(_LSN) - wal)
        await connection.close()
    seen.connections = max(one for one, _ in looks)
    seen.waiting = sum(one for _, one in looks) / len(looks)


def _cpu(server: Server, but: int) -> float:
    assert server.process is not None
    family = processes.tree(server.process.pid)
    return processes.cpu_seconds(one for one in family if one.pid != but)
