"""However many ask at once, wherever they ask: a key is never charged more than its limit."""

import asyncio
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.support.books import Books
from tests.support.callers import bearer, counted, served
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.gateway_process import PATIENCE

CALLERS = 200
TEXT = "Say hello."
BOUND = len(TEXT) + 32  # docs/architecture.md, invariant 1: bytes, and 32 for the message
OUTPUT = 58
LIMIT = (BOUND + OUTPUT) * CALLERS // 2

Times = tuple[float, float]


async def _report(exchange: Exchange, times: Times) -> None:
    """Say that so many times the bounds were used."""
    prompt = int(BOUND * times[0])
    completion = int(exchange.json["max_tokens"] * times[1])
    if exchange.json.get("stream"):
        await exchange.head()
        await exchange.words()
        await exchange.usage(prompt, completion)
    else:
        await exchange.whole(exchange.completion(prompt=prompt, completion=completion))


async def _call(client: httpx.AsyncClient, url: str, key: str, number: int) -> httpx.Response:
    body: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": TEXT}],
        "max_tokens": OUTPUT,
        "stream": number % 2 == 0,
    }
    return await client.post(f"{url}/v1/chat/completions", json=body, headers=bearer(key))


async def _all_at_once(urls: list[str], key: str) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, timeout=2 * PATIENCE, limits=limits) as client:
        calls = (_call(client, urls[n % len(urls)], key, n) for n in range(CALLERS))
        return await asyncio.gather(*calls)


def _spend(
    upstream: FakeUpstream, dsn: str, gateways: int, times: Times
) -> tuple[Books, list[httpx.Response]]:
    """Every caller once; what they were told, and the books when all is settled."""
    upstream.behave = lambda exchange: _report(exchange, times)
    books = Books(dsn)
    key = asyncio.run(books.make_key(monthly_token_limit=LIMIT))
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                served(upstream.url, dsn, UPSTREAM_CONCURRENCY=16, QUEUE_LIMIT=CALLERS)
            )
            for _ in range(gateways)
        ]
        answers = asyncio.run(_all_at_once([one.url for one in running], key))
        if times <= (1, 1):
            good = sum(answer.status_code == 200 for answer in answers)
            assert counted(running[0].url, key)[0] == good
    return books, answers


def _told(answers: list[httpx.Response]) -> tuple[int, int]:
    """How many were answered, how many were refused for what is used or held; nothing else is."""
    good = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(good) + len(refused) == CALLERS
    assert {one.json()["error"]["code"] for one in refused} <= {
        "insufficient_quota",
        "rate_limit_exceeded",
    }
    return len(good), len(refused)


@pytest.mark.parametrize("gateways", [1, 2, 10])
def test_callers_who_use_all_that_is_held_spend_the_limit_to_the_token(
    upstream: FakeUpstream, dsn: str, gateways: int
) -> None:
    books, answers = _spend(upstream, dsn, gateways, (1, 1))
    assert _told(answers) == (CALLERS // 2, CALLERS // 2)
    rows = asyncio.run(books.balanced())
    assert len(rows) == len(upstream.chats) == CALLERS // 2
    assert sum(row.charged_tokens for row in rows.values()) == LIMIT


def test_callers_who_use_less_leave_room_for_others_and_nothing_is_held_after(
    upstream: FakeUpstream, dsn: str
) -> None:
    books, answers = _spend(upstream, dsn, 2, (0.7, 0.4))
    good, _ = _told(answers)
    assert good >= CALLERS // 2
    rows = asyncio.run(books.balanced())
    assert len(rows) == len(upstream.chats) == good
    assert sum(row.charged_tokens for row in rows.values()) <= LIMIT


def test_a_model_that_reports_more_than_was_asked_cannot_overspend_the_key(
    upstream: FakeUpstream, dsn: str
) -> None:
    books, answers = _spend(upstream, dsn, 2, (1.5, 4))
    good, _ = _told(answers)
    rows = asyncio.run(books.rows())
    assert len(rows) == len(upstream.chats) == good
    charged = sum(row.charged_tokens for row in rows.values())
    assert asyncio.run(books.counter()) == (charged, 0, good)
    assert charged == LIMIT
    # What it reported stands in the log as it is, beside what the key was charged.
    assert {row.counts for row in rows.values()} <= {
        (int(BOUND * 1.5), 4 * granted) for granted in range(1, OUTPUT + 1)
    }
    assert asyncio.run(books.holds()) == 0
