"""`python -m bench.store`: what it costs to authorise requests and to settle them, one by one
and several in a call.

CPU of the gateway and of Postgres for one request, in microseconds, in turn. Compare ratios only.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from uuid import UUID, uuid4

import uvloop

from bench import processes
from gateway.core.keys import hash_key
from gateway.stores import AuthorizationRequest, Settlement
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

    key_id: UUID | None = None

    async def authorize(request_id: UUID) -> None:
        nonlocal key_id
        wanted = AuthorizationRequest(
            *(request_id, key_hash, "chat", None, "a-model", "/v1/chat/completions", 100, 512)
        )
        verdict = await store.authorize(wanted)
        assert verdict.allowed
        key_id = verdict.key_id

    async def authorize_all(requests: Sequence[UUID]) -> None:
        await asyncio.gather(*map(authorize, requests))

    async def settle_all(requests: Sequence[UUID]) -> None:
        batch = [Settlement(one, 30, 20, "reported", key_id=key_id) for one in requests]
        await store.settle(batch)

    costs: defaultdict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for _ in range(ROUNDS):
        for size in SIZES:
            requests = [uuid4() for _ in range(REQUESTS)]
            for name, step in (("authorise", authorize_all), ("settle", settle_all)):
                here, there = time.process_time(), processes.cpu_seconds(processes.tree(pid))
                for first in range(0, REQUESTS, size):
                    await step(requests[first : first + size])
                theirs = processes.cpu_seconds(processes.tree(pid)) - there
                mine = time.process_time() - here
                costs[name, size].append((mine / REQUESTS * 1e6, theirs / REQUESTS * 1e6))
    await store.close()
    for (name, size), samples in costs.items():
        mine, theirs = (median(one) for one in zip(*samples, strict=True))
        print(f"{name:9} {size:>3} at once: gateway {mine:4.0f} µs, Postgres {theirs:4.0f} µs")


def main() -> None:
    with running_postgres() as postgres, fresh_database(postgres) as dsn:
        uvloop.run(measure(postgres, dsn))


if __name__ == "__main__":
    main()
