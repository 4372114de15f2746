"""`python -m bench.together`: what authorising costs, each request by itself and several in a call.

CPU of the client and of Postgres for one request, in microseconds, in turn. Compare ratios only.
"""

import asyncio
import time
from statistics import median
from uuid import uuid4

import uvloop

from bench import processes
from gateway.core.keys import hash_key
from gateway.stores import AuthorizationRequest
from gateway.stores.postgres import PostgresStore
from tests.support.books import Books
from tests.support.failing_parts import fresh_database
from tests.support.postgres import Server, running_postgres

REQUESTS, ROUNDS = 1600, 5
SIZES = (1, 2, 4, 16)  # requests of one key at once


async def measure(postgres: Server, dsn: str) -> None:
    assert postgres.process is not None
    pid = postgres.process.pid
    key_hash = hash_key(await Books(dsn).make_key())
    store = await PostgresStore.open(dsn)

    async def ask() -> None:
        wanted = AuthorizationRequest(
            *(uuid4(), key_hash, "chat", None, "a-model", "/v1/chat/completions", 100, 512)
        )
        assert (await store.authorize(wanted)).allowed

    costs: dict[int, list[tuple[float, float]]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            here, there = time.process_time(), processes.cpu_seconds(processes.tree(pid))
            for _ in range(REQUESTS // size):
                await asyncio.gather(*(ask() for _ in range(size)))
            theirs = processes.cpu_seconds(processes.tree(pid)) - there
            mine = time.process_time() - here
            costs[size].append((mine / REQUESTS * 1e6, theirs / REQUESTS * 1e6))
    await store.close()
    for size, samples in costs.items():
        mine, theirs = (median(one) for one in zip(*samples, strict=True))
        print(f"{size:>3} at once: gateway {mine:4.0f} µs, Postgres {theirs:4.0f} µs a request")


def main() -> None:
    with running_postgres() as postgres, fresh_database(postgres) as dsn:
        uvloop.run(measure(postgres, dsn))


if __name__ == "__main__":
    main()
