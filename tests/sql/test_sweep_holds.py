"""sweep_holds: what dead gateways held is freed, what living ones hold is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, TTL, Ledger, settlement

pytestmark = pytest.mark.anyio


async def test_a_hold_lives_for_its_time_to_the_second_and_no_longer(ledger: Ledger):
    key = await ledger.key()
    await ledger.hold(key, prompt=10, output=20)
    assert await ledger.sweep(NOON + (TTL - 1) * SECOND) == (0, 0)
    assert (await ledger.month(key))[1] == 30
    assert await ledger.sweep(NOON + TTL * SECOND) == (1, 0)
    assert await ledger.month(key) == (0, 0, 0)
    assert await ledger.sweep(NOON + TTL * SECOND) == (0, 0)


async def test_a_running_request_keeps_its_hold_even_if_it_had_expired(ledger: Ledger):
    key = await ledger.key()
    running = await ledger.hold(key)
    await ledger.hold(key)
    late = NOON + (TTL + 5) * SECOND
    assert await ledger.sweep(late, [running, uuid4()]) == (1, 1)
    assert await ledger.sweep(late + (TTL - 1) * SECOND) == (0, 0)
    assert (await ledger.month(key))[1] == 30


async def test_a_hold_of_an_earlier_month_is_not_taken_from_the_new_one(ledger: Ledger):
    key = await ledger.key()
    await ledger.hold(key, datetime(2030, 1, 31, 23, 59, tzinfo=UTC), prompt=100, output=100)
    february = datetime(2030, 2, 1, 0, 1, tzinfo=UTC)
    await ledger.hold(key, february, prompt=10, output=10)
    assert await ledger.sweep(february + (TTL - 1) * SECOND) == (1, 0)
    assert await ledger.month(key, february) == (0, 20, 0)


async def test_a_released_hold_is_forgotten_after_35_days(ledger: Ledger):
    request = await ledger.hold(await ledger.key())
    released = NOON + TTL * SECOND
    await ledger.sweep(released)
    await ledger.sweep(released + 35 * DAY)
    assert await ledger.value("select count(*) from gateway.holds") == 1
    await ledger.sweep(released + 35 * DAY + SECOND)
    assert await ledger.value("select count(*) from gateway.holds") == 0
    assert await ledger.settle(settlement(request, 1, 1)) == (0, 1)


async def test_holds_of_many_keys_are_released_in_one_go(ledger: Ledger):
    keys = [await ledger.key() for _ in range(5)]
    for key in keys * 4:
        await ledger.hold(key)
    assert await ledger.sweep(NOON + TTL * SECOND) == (20, 0)
    assert [(await ledger.month(key))[1] for key in keys] == [0] * 5


async def test_forgetting_locks_holds_in_the_order_in_which_they_are_settled(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    settling = await open_more()
    low, high = sorted([uuid4(), uuid4()])
    for unknown in (high, low):  # as they lie in the table
        await ledger.settle(settlement(unknown, 1, 1))
    lock = "select 1 from gateway.holds where request_id = $1 for update"
    async with settling.connection.transaction():
        await settling.value(lock, low)
        sweep = asyncio.create_task(ledger.sweep(NOON + 180 * SECOND))
        await settling.wait_for_waiting(1)
        await settling.value(lock, high)
    await sweep
    assert await ledger.value("select count(*) from gateway.holds") == 0
