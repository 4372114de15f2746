"""Held is not spent: what has ended is counted before anything is refused for it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.books import Books
from tests.support.callers import bearer
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.postgrest.stand_in import stand_in
from tests.support.supabase_project import gateway_of

pytestmark = pytest.mark.anyio
PROMPT = "x" * 1500
OUTPUT = 500
HOLD = len(PROMPT) + 32 + OUTPUT


@pytest.fixture(params=["postgres", "supabase"])
async def gateway(
    request: pytest.FixtureRequest, dsn: str, home: Path, upstream: FakeUpstream
) -> AsyncIterator[GatewayProcess]:
    if request.param == "postgres":
        async with GatewayProcess(home, upstream.url, dsn) as running:
            yield running
        return
    with stand_in(dsn) as project:
        async with gateway_of(project, home, upstream) as running:
            yield running


async def short(exchange: Exchange) -> None:
    if exchange.json.get("stream"):
        await exchange.head()
        await exchange.words()
        await exchange.usage(7, 7)
    else:
        await exchange.whole(exchange.completion(prompt=7, completion=7))


def body(**fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], **fields}


async def post(url: str, key: str, **fields: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.post(
            f"{url}/v1/chat/completions", json=body(**fields), headers=bearer(key)
        )


@pytest.mark.parametrize("fields", [{"max_tokens": OUTPUT}, {}])
async def test_40_calls_one_after_the_other_are_all_served_at_a_limit_of_two_holds(
    gateway: GatewayProcess, upstream: FakeUpstream, dsn: str, fields: dict[str, int]
):
    upstream.behave = short
    key = await Books(dsn).make_key(monthly_token_limit=2 * HOLD)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        for _ in range(40):
            answer = await client.post(
                f"{gateway.url}/v1/chat/completions", json=body(**fields), headers=bearer(key)
            )
            assert answer.status_code == 200, answer.text
    granted = [one.json["max_tokens"] for one in upstream.chats]
    assert min(granted) >= (OUTPUT if fields else 450)  # not cut for what had ended


@pytest.fixture
async def two_gateways(gateway: GatewayProcess, home: Path) -> AsyncIterator[list[GatewayProcess]]:
    """Both know of each other: a sweep tells, and the first one sweeps again when it starts."""
    async with gateway.twin(home / "other") as other:
        await gateway.stop()
        await gateway.start()
        yield [gateway, other]


@pytest.mark.parametrize("fields", [{"max_tokens": OUTPUT}, {}, {"stream": True}])
async def test_through_two_gateways_in_turn_they_are_all_served_too(
    two_gateways: list[GatewayProcess], upstream: FakeUpstream, dsn: str, fields: dict[str, int]
):
    upstream.behave = short
    key = await Books(dsn).make_key(monthly_token_limit=2 * HOLD)
    for number in range(40):
        answer = await post(two_gateways[number % 2].url, key, **fields)
        assert answer.status_code == 200, answer.text
    granted = [one.json["max_tokens"] for one in upstream.chats]
    assert min(granted) >= (OUTPUT if "max_tokens" in fields else 450)


async def test_while_another_runs_it_is_told_to_come_again_and_not_that_the_quota_is_used_up(
    gateway: GatewayProcess, upstream: FakeUpstream, dsn: str
):
    may_end, runs = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def slow(exchange: Exchange) -> None:
        loop.call_soon_threadsafe(runs.set)
        while not may_end.is_set():
            await asyncio.sleep(0.01)
        await short(exchange)

    upstream.behave = slow
    key = await Books(dsn).make_key(monthly_token_limit=HOLD + 10)
    first = asyncio.create_task(post(gateway.url, key, max_tokens=OUTPUT))
    await runs.wait()
    held = await post(gateway.url, key, max_tokens=OUTPUT)
    assert held.status_code == 429
    error = held.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "run now" in error["message"]
    assert int(held.headers["retry-after"]) > 0
    assert "x-should-retry" not in held.headers
    may_end.set()
    assert (await first).status_code == 200
    longer = [{"role": "user", "content": PROMPT + "x" * OUTPUT}]
    spent = await post(gateway.url, key, messages=longer)
    assert spent.status_code == 429  # 14 tokens are used: it does not fit this month
    assert spent.json()["error"]["code"] == "insufficient_quota"
    assert spent.headers["x-should-retry"] == "false"
