"""Visitors by address who call all at once, and a model that uses all that it is granted."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.callers import bearer
from tests.support.fake_upstream import MODEL, Exchange
from tests.support.gateway_process import PATIENCE

TEXT = "Say hello."
BOUND = len(TEXT) + 32  # docs/architecture.md, invariant 1: bytes, and 32 for the message
LIMITS = {
    "visitor_quota",
    "visitor_rate_limit_exceeded",
    "rate_limit_exceeded",
    "insufficient_quota",
}
PROXY = {"TRUSTED_PROXIES": "127.0.0.1"}  # so that tests can say where a visitor is


def spends(times: float) -> Callable[[Exchange], Any]:
    """A model that reports so many times what was granted."""

    async def behave(exchange: Exchange) -> None:
        completion = int(exchange.json["max_tokens"] * times)
        if exchange.json.get("stream"):
            await exchange.head()
            await exchange.words()
            await exchange.usage(BOUND, completion)
        else:
            await exchange.whole(exchange.completion(prompt=BOUND, completion=completion))

    return behave


class Crowd:
    """`told`: status and code of each answer; 0 where none came."""

    def __init__(self, key: str, client: aiohttp.ClientSession) -> None:
        self.told: Counter[tuple[int, str]] = Counter()
        self._key = key
        self._client = client

    async def ask(self, url: str, address: str, number: int = 0, output: int = 58) -> int:
        body: dict[str, Any] = {
            "model": MODEL,
            "messages": [{"role": "user", "content": TEXT}],
            "max_tokens": output,
            "stream": number % 2 == 0,
        }
        headers = {**bearer(self._key), "X-Forwarded-For": address}
        try:
            path = f"{url}/v1/chat/completions"
            async with self._client.post(path, json=body, headers=headers) as answer:
                said = await answer.read()
        except aiohttp.ClientError:
            self.told[0, ""] += 1
            return 0
        code = "" if answer.status == 200 else json.loads(said)["error"]["code"]
        self.told[answer.status, code] += 1
        return answer.status

    async def all_at_once(self, urls: Sequence[str], visitors: int, each: int) -> None:
        """So many visitors with so many requests each, in turn to the gateways."""
        calls = (
            self.ask(urls[n % len(urls)], f"198.51.100.{n % visitors}", n)
            for n in range(visitors * each)
        )
        await asyncio.gather(*calls)

    @property
    def good(self) -> int:
        return self.told[200, ""]

    def refused_for_limits_only(self) -> None:
        others = {one for one in self.told if one[0] != 200 and one[1] not in LIMITS}
        assert not others, self.told


@asynccontextmanager
async def crowd(key: str) -> AsyncIterator[Crowd]:
    timeout = aiohttp.ClientTimeout(total=2 * PATIENCE)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client:
        yield Crowd(key, client)
