"""Clocks may jump: no month is changed and nothing dropped by one that is wrong for a while."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, settlement

pytestmark = pytest.mark.anyio

AHEAD = NOON + 31 * DAY
FAR_AHEAD = NOON + 430 * DAY


async def seen(ledger: Ledger, at: datetime) -> None:
    await ledger.connection.execute("update gateway.clock set seen_at = $1", at)


@pytest.mark.parametrize(
    ("now", "clock", "true"),
    [
        (NOON, None, NOON),
        (NOON, NOON + 59 * 60 * SECOND, NOON),  # Postgres decides, unless it is far off
        (AHEAD, NOON, NOON),
        (FAR_AHEAD, NOON, NOON),
        (NOON - 900 * DAY, NOON, NOON),
        (NOON, AHEAD, NOON),  # the gateway is wrong
        (NOON, datetime(1970, 1, 1, tzinfo=UTC), NOON),
        (AHEAD, AHEAD, AHEAD),  # all slept
    ],
)
async def test_of_two_clocks_that_disagree_the_one_that_fits_what_was_seen_counts(
    ledger: Ledger, now: datetime, clock: datetime | None, true: datetime
):
    await seen(ledger, NOON - 30 * SECOND)
    assert await ledger.value("select gateway.true_now($1, $2)", now, clock) == true


async def test_a_clock_31_days_ahead_and_back_leaves_the_month_as_it_was(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await ledger.settle(settlement(await ledger.hold(key, prompt=900), 600, 0))
    running = await ledger.hold(key, prompt=50, output=50)
    await ledger.settle(settlement(await ledger.hold(key, AHEAD, prompt=500), 400, 0), at=AHEAD)
    assert await ledger.month(key, AHEAD) == (400, 0, 1)
    verdict = await ledger.authorize(key, NOON + SECOND, prompt=10, output=10)
    assert verdict.tokens_remaining == 1000 - 600 - 100 - 20
    assert verdict.month_resets_at == datetime(2030, 2, 1, tzinfo=UTC)
    await ledger.settle(settlement(running, 50, 50), at=NOON + SECOND)
    assert await ledger.month(key, NOON + SECOND) == (700, 20, 2)


async def test_what_was_counted_ahead_counts_when_its_month_really_comes(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await ledger.settle(settlement(await ledger.hold(key, AHEAD, prompt=900), 900, 0), at=AHEAD)
    assert (await ledger.authorize(key, NOON, prompt=100)).allowed
    denied = await ledger.authorize(key, AHEAD + DAY, prompt=200)
    assert denied.reason == "insufficient_quota"
    assert denied.tokens_remaining == 100


async def test_what_began_while_the_clock_was_ahead_leaves_the_true_month_alone(ledger: Ledger):
    key = await ledger.key(limit=1000)
    ahead = await ledger.hold(key, AHEAD, prompt=300, output=100)
    await ledger.hold(key, NOON, prompt=10, output=10)
    await ledger.settle(settlement(ahead, 300, 50), at=NOON + SECOND)
    assert await ledger.month(key, NOON) == (0, 20, 0)
    assert await ledger.logged(key) == (350, 1)


async def test_a_settlement_sent_before_its_month_was_asked_for_counts_in_it(ledger: Ledger):
    key = await ledger.key(limit=1000)
    fields = {"key_id": str(key.id), "model": "m", "endpoint": "/", "lent": True}
    late = AHEAD.isoformat()
    item = settlement(uuid4(), 300, 0, authorized_at=late, **fields)
    await ledger.settle(item, at=AHEAD + SECOND)
    assert (await ledger.authorize(key, AHEAD + DAY, prompt=10, output=10)).tokens_remaining == 680


@pytest.mark.parametrize("wrong", [-31 * DAY, 31 * DAY, -2 * 3600 * SECOND])
async def test_what_a_gateway_with_a_wrong_clock_let_through_alone_counts_in_the_true_month(
    ledger: Ledger, wrong: timedelta
):
    now = await ledger.value("select clock_timestamp()")
    key = await ledger.key(now, limit=1000)
    await ledger.value("select gateway.ensure_partitions_at($1)", now)
    fields = {"key_id": str(key.id), "model": "m", "endpoint": "/", "lent": True}
    lent = settlement(uuid4(), 300, 0, authorized_at=(now + wrong).isoformat(), **fields)
    settle = "select (public.settle_requests($1, clock_timestamp() + $2)).settled"
    assert await ledger.value(settle, json.dumps([lent]), wrong) == 1
    age = "select abs(extract(epoch from created_at - $1)) from gateway.usage_logs"
    assert await ledger.value(age, now) < 60
    assert await ledger.month(key, now) == (300, 0, 1)


async def test_a_clock_430_days_ahead_drops_nothing(ledger: Ledger):
    key = await ledger.key()
    await ledger.value("select gateway.ensure_partitions_at($1)", NOON)
    await ledger.settle(settlement(await ledger.hold(key), 3, 4))
    await ledger.steady(NOON)
    for days in (0, 1, 6):
        await ledger.sweep(FAR_AHEAD + days * DAY)
        done = await ledger.admin("keep_house", FAR_AHEAD + days * DAY, 12)
        assert done["partitions_dropped"] == []
    await ledger.sweep(NOON + SECOND)
    assert (await ledger.admin("keep_house", NOON + SECOND, 12))["partitions_dropped"] == []
    assert await ledger.logged(key) == (7, 1)


async def test_a_clock_that_ran_for_a_week_drops_what_is_old_again(ledger: Ledger):
    key = await ledger.key()
    await ledger.value("select gateway.ensure_partitions_at($1)", NOON)
    await ledger.settle(settlement(await ledger.hold(key), 3, 4))
    for days in range(9):
        await ledger.sweep(FAR_AHEAD + timedelta(days=days) - days * SECOND)
    done = await ledger.admin("keep_house", FAR_AHEAD + 8 * DAY - 8 * SECOND, 12)
    assert "usage_logs_2030_01" in done["partitions_dropped"]


async def test_a_sweep_says_how_many_gateways_there_are(ledger: Ledger):
    sweep = "select (gateway.sweep_holds_at($1, '{}', 900, $2)).gateways"
    await ledger.value("select gateway.ensure_partitions_at($1)", NOON)
    one, other = uuid4(), uuid4()
    assert await ledger.value(sweep, NOON, one) == 1
    assert await ledger.value(sweep, NOON + 30 * SECOND, other) == 2
    assert await ledger.value(sweep, NOON + 60 * SECOND, one) == 2
    assert await ledger.value(sweep, NOON + 240 * SECOND, one) == 1
