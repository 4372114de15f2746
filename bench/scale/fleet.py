"""What is measured: gateways that share one Postgres, or one Supabase 80 ms away, and one model."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from bench import processes
from bench.servers import ROOT, BenchError
from gateway.admin import keys
from gateway.config.settings import Settings
from gateway.stores.postgres import PostgresStore
from tests.support.callers import served
from tests.support.failing_parts import GatewayProcess
from tests.support.postgres import Server, execute, running_postgres

PLENTY = 10**12  # tokens
# The tests' server is fast rather than safe. This one is as safe as anybody's.
_AS_IN_EARNEST = (
    *("fsync = on", "full_page_writes = on", "autovacuum = on"),
    *("log_lock_waits = on", "deadlock_timeout = '100ms'"),
)
_ROOM = {
    "UPSTREAM_CONCURRENCY": 1024,
    "QUEUE_LIMIT": 10_000,
    "TRUSTED_PROXIES": "127.0.0.1",  # so that the load can say where a visitor is
}


@contextmanager
def safe_postgres() -> Iterator[Server]:
    """The embedded server's programs, which wait for the disk as in production."""
    with running_postgres() as server:
        for setting in _AS_IN_EARNEST:
            asyncio.run(execute(server.dsn("postgres"), f"alter system set {setting}"))
        asyncio.run(execute(server.dsn("postgres"), "select pg_reload_conf()"))
        yield server


class Fleet:
    """Gateways that grow in number. `upstream`: the port of their model. `dsn`: their database, if
    the settings name no project."""

    def __init__(self, upstream: int, dsn: str = "", **settings: object) -> None:
        self._upstream = f"http://127.0.0.1:{upstream}"
        self._dsn = dsn
        self._settings = settings | _ROOM
        self._stack = ExitStack()
        self.gateways: list[GatewayProcess] = []

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def grow(self, number: int) -> None:
        """Start more, until there are so many."""
        while len(self.gateways) < number:
            one = served(self._upstream, self._dsn, **self._settings)
            self.gateways.append(self._stack.enter_context(one))

    @property
    def ports(self) -> list[int]:
        return [one.port for one in self.gateways]

    def cpu(self) -> float:
        """Seconds that all of them have used."""
        total = 0.0
        for one in self.gateways:
            assert one.running is not None
            total += processes.cpu_seconds(processes.tree(one.running.process.pid))
        return total


async def make_keys(dsn: str, number: int, **fields: Any) -> tuple[list[str], list[UUID]]:
    """New keys, and their ids."""
    store = await PostgresStore.open(dsn, connections=1)
    wanted = {"rate_limit_per_min": 1_000_000, "monthly_token_limit": PLENTY, **fields}
    texts, ids = list[str](), list[UUID]()
    for one in range(number):
        made = await keys.create_key(
            store, Settings(), keys.CreateKey(label=f"bench {one}", **wanted)
        )
        assert isinstance(made, dict)
        texts.append(made["key"])
        ids.append(UUID(made["id"]))
    await store.close()
    return texts, ids


async def counted(dsn: str, ids: Sequence[UUID], answers: int) -> tuple[int, int]:
    """Requests and tokens of these keys, as soon as nothing is held and all answers are counted,
    or after 20 seconds. The log, the counters and the days have to agree."""
    connection: Any = await asyncpg.connect(dsn)
    try:
        for _ in range(400):
            held, *told = await connection.fetchrow(_BOOKS, list(ids))
            if not held and told[0] >= answers:
                break
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    requests, tokens, *others = told
    if held or others != [requests, tokens, requests, tokens]:
        raise BenchError(f"the books do not agree: held {held}, {told}")
    return requests, tokens


_BOOKS = """
select c.held, c.requests, c.tokens, l.requests, l.tokens, d.requests, d.tokens
from (
    select sum(tokens_held)::bigint as held, sum(requests)::bigint as requests,
        sum(tokens_used)::bigint as tokens
    from gateway.key_counters where api_key_id = any($1)
) as c, (
    select count(*) as requests, coalesce(sum(charged_tokens), 0)::bigint as tokens
    from gateway.usage_logs where api_key_id = any($1)
) as l, (
    select coalesce(sum(requests), 0)::bigint as requests,
        coalesce(sum(charged_tokens), 0)::bigint as tokens
    from gateway.usage_daily where api_key_id = any($1)
) as d
"""


class Project:
    """The stand-in for Supabase, in a process of its own (project.py)."""

    def __init__(self, dsn: str, latency: float) -> None:
        command = [sys.executable, "-m", "bench.scale.project", dsn, str(latency)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        told = self._ask()
        self.url, self.key = told["url"], told["key"]

    def calls(self) -> dict[str, int]:
        """Of each function, since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._ask()

    def cpu(self) -> float:
        return processes.cpu_seconds(processes.tree(self._process.pid))

    def stop(self) -> None:
        self._process.communicate()

    def _ask(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the stand-in for Supabase ended")
        return json.loads(line)


def log_of(server: Server) -> str:
    """What Postgres said so far."""
    return Path(server.log.name).read_text(errors="replace")
