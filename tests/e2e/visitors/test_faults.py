"""Visitors through a distant project that is slow, loses answers or is away, and gateways that are
killed: at the end the books agree, and nobody is past a limit."""

import asyncio
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.books import Books
from tests.support.crowd import PROXY, crowd, spends
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import FakeUpstream
from tests.support.postgrest.stand_in import Call, Fault, StandIn, stand_in
from tests.support.supabase_project import gateway_of, nothing_waits, stopped

pytestmark = pytest.mark.anyio
DAY = 1000
BY_ADDRESS = {"by": ["address"], "tokens_per_day": DAY}
LOST = [Fault.LOSE_ANSWER, Fault.CUT_BODY, Fault.ERROR_500, Fault.REFUSE]


@pytest.fixture
def project(dsn: str) -> Iterator[StandIn]:
    with stand_in(dsn) as running:
        yield running


def gateways(project: StandIn, home: Path, upstream: FakeUpstream) -> list[GatewayProcess]:
    homes = [home / "first", home / "second"]
    for one in homes:
        one.mkdir()
    settings = {**PROXY, "UPSTREAM_CONCURRENCY": 8}
    return [gateway_of(project, one, upstream, **settings) for one in homes]


async def test_slow_calls_lost_answers_and_a_kill_leave_every_visitor_within_the_day(
    project: StandIn, home: Path, upstream: FakeUpstream, dsn: str
) -> None:
    upstream.behave = spends(1)
    books, dice = Books(dsn, lent=True), random.Random(1)
    key = await books.make_key(visitors=BY_ADDRESS, monthly_token_limit=5 * DAY)
    first, second = gateways(project, home, upstream)

    def fault(call: Call) -> Fault | None:
        return dice.choice(LOST) if dice.random() < 0.2 else None

    async with first, second, crowd(key) as people:
        urls = [first.url, second.url]
        await people.all_at_once(urls, 10, 2)
        project.latency, project.fault = 0.03, fault
        asking = asyncio.create_task(people.all_at_once(urls, 10, 20))
        await eventually(lambda: _more(people.told.total, 60))
        await first.kill()
        await asking
        await first.start()
        project.latency, project.fault = 0.0, None
        for gateway in (first, second):
            await eventually(partial(nothing_waits, gateway))
        await books.settled()
        for gateway in (first, second):
            assert await gateway.stop() == 0
    rows = await books.visitors()
    assert sum(row.charged_tokens for row in rows.values()) <= 5 * DAY
    assert people.good > 20


async def _more(count, goal: int) -> bool:
    return count() >= goal


async def test_while_it_is_away_known_visitors_go_on_within_their_share_and_others_come_later(
    project: StandIn, home: Path, upstream: FakeUpstream, dsn: str
) -> None:
    upstream.behave = spends(1)
    books = Books(dsn)
    key = await books.make_key(visitors=BY_ADDRESS)
    gateway = gateway_of(project, home, upstream, **PROXY)
    known, other, unknown = "192.0.2.1", "192.0.2.2", "192.0.2.3"
    async with gateway, crowd(key) as people:
        for address in (known, other):
            assert await people.ask(gateway.url, address) == 200
        await books.settled(2)
        with stopped(project):
            answers = [await people.ask(gateway.url, known, n) for n in range(20)]
            assert 0 < answers.count(200) <= DAY // 100
            assert set(answers) == {200, 503}
            assert await people.ask(gateway.url, other) == 200
            assert await people.ask(gateway.url, unknown) == 503
        served = len(upstream.chats)
        assert served == people.good
        rows = await books.settled(served)
        await books.visitors()
        assert sum(row.charged_tokens for row in rows.values()) == 100 * served


async def test_a_gateway_that_is_killed_in_an_outage_loses_no_visitor_s_use(
    project: StandIn, home: Path, upstream: FakeUpstream, dsn: str
) -> None:
    upstream.behave = spends(1)
    books = Books(dsn)
    key = await books.make_key(visitors=BY_ADDRESS)
    gateway = gateway_of(project, home, upstream, **PROXY)
    async with gateway, crowd(key) as people:
        assert await people.ask(gateway.url, "192.0.2.1") == 200
        await books.settled(1)
        with stopped(project):
            assert await people.ask(gateway.url, "192.0.2.1") == 200
            await gateway.kill()
            await gateway.start()
            assert await people.ask(gateway.url, "192.0.2.1") == 503
        rows = await books.settled(2)
        await eventually(partial(nothing_waits, gateway))
    assert await books.visitors() == rows
    assert sum(row.charged_tokens for row in rows.values()) == 200
