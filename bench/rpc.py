"""`python -m bench.rpc`: what a distant Supabase costs. Under a minute; compare ratios only.

1. CPU of the client for one call, ours beside the package's default client, in turn.
2. Time to first token with the project 80 ms away, beside the embedded Postgres, in turn. The model
   takes 200 ms to its first token: a round trip that overlaps it should not be seen.
3. Calls to the project for each request, at 50 requests a second.
"""

import asyncio
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from uuid import uuid4

import uvloop
from supabase import AsyncClient, AsyncClientOptions

from gateway.stores import AuthorizationRequest
from gateway.stores.supabase import SupabaseStore
from tests.support.books import Books
from tests.support.callers import served
from tests.support.failing_parts import fresh_database
from tests.support.fake_upstream import Exchange, FakeUpstream, fake_upstream
from tests.support.postgres import running_postgres
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.watching_client import Client, ask

ROOT = Path(__file__).resolve().parent.parent
KEY = "sb_secret_bench"
AWAY = 0.08  # seconds
THINKING = 0.2  # seconds to the first token
ROUNDS, CALLS, CALLERS = 5, 1000, 16
FIRSTS, RATE, SECONDS = 40, 50, 6


def _ask() -> AuthorizationRequest:
    return AuthorizationRequest(
        uuid4(), "0" * 64, "chat", None, "a-model", "/v1/chat/completions", 100, 512
    )


async def _cpu(call: Callable[[], Awaitable[object]]) -> float:
    """Microseconds of CPU for one call, of many callers at once."""

    async def caller() -> None:
        for _ in range(CALLS // CALLERS):
            await call()

    began = time.process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (time.process_time() - began) / (CALLS // CALLERS * CALLERS) * 1e6


async def client_cpu() -> None:
    command = [sys.executable, "-m", "bench.canned"]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    store = SupabaseStore(url, KEY)
    default = AsyncClient(url, KEY, AsyncClientOptions(auto_refresh_token=False))
    arguments = {"p_request_id": str(uuid4()), "p_key_hash": "0" * 64, "p_model": "a-model"}

    async def by_default() -> None:
        await default.rpc("authorize_request", arguments).execute()

    samples: dict[str, list[float]] = {"ours": [], "default": []}
    for _ in range(ROUNDS):
        samples["ours"].append(await _cpu(lambda: store.authorize(_ask())))
        samples["default"].append(await _cpu(by_default))
    await store.close()
    await default.postgrest.aclose()
    server.communicate()
    ours, theirs = median(samples["ours"]), median(samples["default"])
    print(f"CPU of a call: {ours:.0f} µs, default client {theirs:.0f} µs: {ours / theirs:.2f}")


async def _think(exchange: Exchange) -> None:
    await asyncio.sleep(THINKING)
    await exchange.head()
    await exchange.words()
    await exchange.usage()


async def _first_token(url: str, key: str) -> float:
    began = time.monotonic()
    client = await Client.ask(url, key, "x")
    await client.until(b"Hello")
    took = time.monotonic() - began
    await client.answer()
    return took * 1e3


async def first_tokens(near: tuple[str, str], far: tuple[str, str]) -> None:
    """Each is (URL, a key that has not been used yet)."""
    for gateway in (near, far):
        await ask(*gateway, "warm the gateway up, not the key", model="nothing-like-it")
    first = await _first_token(*far)
    near_ms, far_ms = [], []
    await _first_token(*near)
    for _ in range(FIRSTS):
        near_ms.append(await _first_token(*near))
        far_ms.append(await _first_token(*far))
    embedded, distant = median(near_ms), median(far_ms)
    print(f"first token, Postgres beside it: {embedded:.1f} ms (median of {FIRSTS})")
    print(f"first token, Supabase {AWAY * 1e3:.0f} ms away: {distant - embedded:+.1f} ms")
    print(f"first token of the first call of a key: {first - embedded:+.1f} ms")


async def calls_per_request(project: StandIn, url: str, key: str) -> None:
    project.calls.clear()
    began, callers = time.monotonic(), []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(began + number / RATE - time.monotonic())
        callers.append(asyncio.create_task(ask(url, key, "x")))
    good = sum(one.complete for one in await asyncio.gather(*callers))
    await asyncio.sleep(0.5)  # the last settlements
    made = len(project.calls)
    settling = sum(call.function == "settle_requests" for call in project.calls)
    print(f"calls for {good} answers at {RATE} a second: {made}, of which {settling} settle")


async def _measure(project: StandIn, near_dsn: str, far_dsn: str, urls: list[str]) -> None:
    near, far = Books(near_dsn), Books(far_dsn)
    keys = await near.make_key(), await far.make_key()
    await first_tokens((urls[0], keys[0]), (urls[1], keys[1]))
    await calls_per_request(project, urls[1], keys[1])


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # what the default client warns of
    uvloop.run(client_cpu())
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        upstream: FakeUpstream = stack.enter_context(fake_upstream())
        upstream.behave = _think
        near, far = (stack.enter_context(fresh_database(postgres)) for _ in range(2))
        project = stack.enter_context(stand_in(far))
        project.latency = AWAY
        room = {"UPSTREAM_CONCURRENCY": 64}
        secrets = {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_KEY": project.secret_key}
        gateways = [
            stack.enter_context(served(upstream.url, near, **room)),
            stack.enter_context(served(upstream.url, **secrets, **room)),
        ]
        asyncio.run(_measure(project, near, far, [one.url for one in gateways]))


if __name__ == "__main__":
    main()
