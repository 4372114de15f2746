"""However many call at once, wherever: neither a visitor nor the key passes its limit."""

import asyncio
from contextlib import ExitStack

import pytest

from tests.support.books import Books
from tests.support.callers import served
from tests.support.crowd import PROXY, Crowd, crowd, spends
from tests.support.fake_upstream import FakeUpstream

DAY = 1000  # tokens of a visitor


def _spend(
    upstream: FakeUpstream, dsn: str, gateways: int, visitors: int, each: int, **fields: int
) -> tuple[Books, Crowd]:
    books = Books(dsn)
    by_address = {"by": ["address"], "tokens_per_day": DAY}
    key = asyncio.run(books.make_key(visitors=by_address, **fields))

    async def play(urls: list[str]) -> Crowd:
        async with crowd(key) as people:
            await people.all_at_once(urls, visitors, each)
            return people

    with ExitStack() as stack:
        settings = {**PROXY, "UPSTREAM_CONCURRENCY": 16, "QUEUE_LIMIT": 1000}
        running = [
            stack.enter_context(served(upstream.url, dsn, **settings)) for _ in range(gateways)
        ]
        people = asyncio.run(play([one.url for one in running]))
    people.refused_for_limits_only()
    return books, people


@pytest.mark.parametrize(
    ("gateways", "times"), [(1, 1), (1, 0.5), (1, 4), (2, 0.5), (2, 4), (10, 1)]
)
def test_200_first_requests_at_once_of_an_unknown_visitor_stay_within_the_day(
    upstream: FakeUpstream, dsn: str, gateways: int, times: float
) -> None:
    upstream.behave = spends(times)
    books, people = _spend(upstream, dsn, gateways, visitors=1, each=200)
    rows = asyncio.run(books.visitors() if times <= 1 else books.rows())
    used, held, requests = asyncio.run(books.counter())
    assert requests == len(rows) == len(upstream.chats) == people.good > 0
    assert 0 < used <= DAY
    assert (held, asyncio.run(books.holds())) == (0, 0)
    if times == 1:
        assert used == DAY


@pytest.mark.parametrize("gateways", [1, 2])
def test_50_visitors_with_20_requests_each_pass_neither_their_limits_nor_the_key_s(
    upstream: FakeUpstream, dsn: str, gateways: int
) -> None:
    limit = 50 * DAY // 2
    upstream.behave = spends(1)
    books, people = _spend(upstream, dsn, gateways, 50, 20, monthly_token_limit=limit)
    rows = asyncio.run(books.visitors())
    used = sum(row.charged_tokens for row in rows.values())
    assert len(rows) == len(upstream.chats) == people.good
    assert limit * 0.9 < used <= limit
