"""What a model reports beyond the bound of a prompt is reserved for the next one."""

import asyncio

import httpx
import pytest

from tests.support.callers import bearer, make_key, served
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream

OUTPUT, BEYOND = 10, 61
LIMIT = 100_000


def left(client: httpx.Client, key: str) -> int:
    """What the key has left while one more of its requests runs."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": OUTPUT}
    answer = client.post("/v1/chat/completions", json=body, headers=bearer(key))
    assert answer.status_code == 200
    return int(answer.headers["x-ratelimit-remaining-tokens"])


def test_a_preamble_that_nobody_told_of_is_held_from_the_second_request_on(
    upstream: FakeUpstream, dsn: str
) -> None:
    bound = len("Hi") + 32

    async def long_prompt(exchange: Exchange) -> None:
        await exchange.whole(exchange.completion(prompt=bound + BEYOND, completion=1))

    upstream.behave = long_prompt
    with served(upstream.url, dsn) as gateway:
        key, other = (make_key(gateway.url, monthly_token_limit=LIMIT) for _ in range(2))
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
            assert left(client, key) == LIMIT - bound - OUTPUT
            assert left(client, other) == LIMIT - bound - BEYOND - OUTPUT
            assert left(client, other) <= LIMIT - 2 * (bound + BEYOND) - OUTPUT  # and no more


@pytest.mark.parametrize(
    ("reported", "learned"),
    [
        (len("Hi") + 32 + BEYOND, BEYOND),
        (10**12, 0),  # longer than its model's context: no prompt is
    ],
)
def test_many_at_once_teach_what_one_of_them_does(
    upstream: FakeUpstream, dsn: str, reported: int, learned: int
) -> None:
    gate = upstream.gate()

    async def long_prompt(exchange: Exchange) -> None:
        await gate.passed()
        await exchange.whole(exchange.completion(prompt=reported, completion=1))

    upstream.behave = long_prompt
    with served(upstream.url, dsn, UPSTREAM_CONCURRENCY=16) as gateway:
        key, other = (make_key(gateway.url, monthly_token_limit=LIMIT) for _ in range(2))

        async def all_at_once() -> None:
            body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
            body["max_tokens"] = OUTPUT
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                url = f"{gateway.url}/v1/chat/completions"
                calls = [client.post(url, json=body, headers=bearer(key)) for _ in range(8)]
                running = [asyncio.create_task(call) for call in calls]
                await asyncio.to_thread(upstream.wait_for_chats, 8)
                gate.open()
                assert {one.status_code for one in await asyncio.gather(*running)} == {200}

        asyncio.run(all_at_once())
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
            assert left(client, other) == LIMIT - len("Hi") - 32 - learned - OUTPUT
