"""What a model reports beyond the bound of a prompt is reserved for the next one."""

import httpx

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
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as client:
            assert left(client, key) == LIMIT - bound - OUTPUT
            assert left(client, other) == LIMIT - bound - BEYOND - OUTPUT
            assert left(client, other) <= LIMIT - 2 * (bound + BEYOND) - OUTPUT  # and no more
