"""What is settled after the month has turned, or after the sweep, is charged to its own month."""

from datetime import UTC, datetime

import pytest

from tests.support.sql.ledger import NOON, SECOND, TTL, Ledger, settlement

pytestmark = pytest.mark.anyio

JANUARY_31 = datetime(2030, 1, 31, 23, 0, tzinfo=UTC)
FEBRUARY_1 = datetime(2030, 2, 1, 1, 0, tzinfo=UTC)


async def test_settled_after_the_month_turned_it_is_charged_to_its_own_month(ledger: Ledger):
    key = await ledger.key(limit=100)
    old = await ledger.hold(key, JANUARY_31, prompt=40, output=40)
    new = await ledger.hold(key, FEBRUARY_1, prompt=50, output=50)
    await ledger.settle(settlement(old, 30, 40), at=FEBRUARY_1)
    assert await ledger.month(key, FEBRUARY_1) == (0, 100, 0)
    await ledger.settle(settlement(new, 1, 2), at=FEBRUARY_1)
    assert await ledger.month(key, FEBRUARY_1) == (3, 0, 1)
    by_month = await ledger.connection.fetch(
        "select gateway.month_of(created_at) as month, sum(charged_tokens)::int as charged "
        "from gateway.usage_logs group by 1 order by 1"
    )
    assert [row["charged"] for row in by_month] == [70, 3]


async def test_settled_late_before_anyone_asked_in_the_new_month_it_is_right_too(ledger: Ledger):
    key = await ledger.key(limit=100)
    old = await ledger.hold(key, JANUARY_31, prompt=40, output=40)
    await ledger.settle(settlement(old, 30, 40), at=FEBRUARY_1)
    assert await ledger.month(key, JANUARY_31) == (70, 0, 1)
    assert await ledger.month(key, FEBRUARY_1) == (0, 0, 0)
    assert (await ledger.authorize(key, FEBRUARY_1, prompt=1, output=99)).granted == 99


async def test_a_month_that_is_over_is_never_charged_more_than_its_limit(ledger: Ledger):
    key = await ledger.key(limit=100)
    first = await ledger.hold(key, JANUARY_31, prompt=10, output=10)
    second = await ledger.hold(key, JANUARY_31, prompt=30, output=30)
    await ledger.hold(key, FEBRUARY_1)
    await ledger.settle(settlement(first, 500, 0), settlement(second, 500, 0), at=FEBRUARY_1)
    assert await ledger.logged(key) == (100, 2)


async def test_settled_after_the_sweep_it_still_counts_once_within_the_limit(ledger: Ledger):
    key = await ledger.key(limit=100)
    slow = await ledger.hold(key, prompt=40, output=40)
    later = NOON + TTL * SECOND
    await ledger.sweep(later)
    other = await ledger.hold(key, later, prompt=40, output=30)
    assert await ledger.settle(settlement(slow, 40, 40), at=later) == (1, 0)
    assert await ledger.month(key, later) == (30, 70, 1)
    assert await ledger.settle(settlement(slow, 40, 40), at=later) == (0, 1)
    await ledger.settle(settlement(other, 40, 30), at=later)
    assert await ledger.month(key, later) == (100, 0, 2)
