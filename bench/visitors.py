"""`python -m bench.visitors`: what the visitors of a key cost: the CPU of a call by address beside
one with a plain key, of one gateway and in turn; and the bytes of a visitor in the database."""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import asyncpg

from bench import processes
from bench.servers import BenchError, Direct, Gateway
from bench.workloads import Target, repeat
from gateway.embedded import EmbeddedPostgres

STARTS, ROUNDS, CALLS = 3, 8, 400
QUIET = 0.2  # seconds after a load in which what it left to do (settling) still counts
MANY = 20_000  # visitors whose bytes are measured
DAYS = 35  # that a visitor who calls daily is remembered; the sums by day stay longer
BY_ADDRESS = json.dumps({"by": ["address"], "tokens_per_day": 10**9, "requests_per_min": 100_000})
PARTS = ("gateway", "Postgres")

_COUNTERS = """
insert into gateway.visitor_counters (api_key_id, id, is_pool, kind, day, tokens_used, requests,
    token_limit, rate_limit, bucket, seen_at)
select $1, gen_random_uuid(), false, 'address', current_date, 500, 5, 1000, 10, 2, now()
from generate_series(1, $2)
"""
_DAYS = """
insert into gateway.visitor_daily
select current_date, $1, gen_random_uuid(), false, 5, 100, 400, 500, 500 from generate_series(1, $2)
"""
_SIZE = "select pg_total_relation_size($1::regclass)"


async def run(directory: Path) -> str:
    direct = Direct(directory)
    costs: dict[str, list[tuple[float, ...]]] = {"plain": [], "visitors": []}
    try:
        for start in range(STARTS):
            gateway = Gateway(directory, direct.target.port, f"gateway-{start}")
            gateway.environment["TRUSTED_PROXIES"] = "127.0.0.1"
            try:
                await gateway.start()
                await _in_turn(gateway, costs)
                sizes = await _sizes(gateway)
            finally:
                gateway.stop()
        return f"{_table(costs)}\n\n{sizes}"
    finally:
        direct.stop()


async def _in_turn(gateway: Gateway, costs: dict[str, list[tuple[float, ...]]]) -> None:
    keys = {"plain": _key(gateway), "visitors": _key(gateway, "--visitors", BY_ADDRESS)}
    for number in range(-2, ROUNDS):  # two rounds to warm up
        for name in sorted(keys, reverse=bool(number % 2)):
            headers = (
                f"Authorization: Bearer {keys[name]}",
                f"X-Forwarded-For: 192.0.2.{number % 8}",
            )
            target = Target(gateway.target.port, headers)
            families = gateway.measured(), gateway.database()
            before = [processes.cpu_seconds(one) for one in families]
            load = await repeat(target, "answer-1024", CALLS)
            if load.lost:
                raise BenchError(f"{name}: {load.problems}")
            await asyncio.sleep(QUIET)
            spent = (processes.cpu_seconds(one) for one in families)
            if number >= 0:
                used = zip(before, spent, strict=True)
                costs[name].append(tuple((b - a) / load.done * 1000 for a, b in used))


def _key(gateway: Gateway, *words: str) -> str:
    command = [gateway.program, "keys", "create", "--label", "bench", "--json", *words]
    made = subprocess.run(
        command, cwd=gateway.directory, env=gateway.environment, capture_output=True, timeout=60
    )
    if made.returncode:
        raise BenchError(made.stderr.decode())
    return json.loads(made.stdout)["key"]


def _table(costs: dict[str, list[tuple[float, ...]]]) -> str:
    row = "{:<24}{:>9}{:>10}{:>9}   {}"
    lines = [row.format("CPU s per 1,000 calls", *costs, "more", "half of the rounds between")]
    for number, part in enumerate(PARTS):
        plain, visitors = ([one[number] for one in costs[name]] for name in costs)
        more = [100 * (b / a - 1) for a, b in zip(plain, visitors, strict=True)]
        low, middle, high = quantiles(more, n=4)
        figures = f"{median(plain):.3f}", f"{median(visitors):.3f}", f"{middle:+.1f} %"
        lines.append(row.format(part, *figures, f"{low:+.1f} and {high:+.1f} %"))
    return "\n".join(lines)


async def _sizes(gateway: Gateway) -> str:
    with EmbeddedPostgres(gateway.data) as postgres:  # the gateway's, which runs
        connection: Any = await asyncpg.connect(postgres.start(lambda _: None))
        key = await connection.fetchval("select id from gateway.api_keys limit 1")
        found: list[float] = []
        for table, sql in (("visitor_counters", _COUNTERS), ("visitor_daily", _DAYS)):
            before = await connection.fetchval(_SIZE, f"gateway.{table}")
            await connection.execute(sql, key, MANY)
            await connection.execute(f"vacuum gateway.{table}")
            after = await connection.fetchval(_SIZE, f"gateway.{table}")
            found.append((after - before) / MANY)
        await connection.close()
    counter, day = found
    most = 500_000_000
    return (
        f"A visitor takes {counter:.0f} bytes, and {day:.0f} more for each day with a call.\n"
        f"500 MB last for {most / (counter + day):,.0f} visitors who called once (an address is a "
        f"new one each day),\nor for {most / (counter + 365 * day):,.0f} who call daily for a year."
    )


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="localllm-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # under root, Postgres runs as a user of its own
        try:
            print(asyncio.run(run(directory)))
        except BenchError as problem:
            print(problem, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
