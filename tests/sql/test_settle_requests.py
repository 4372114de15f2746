"""settle_requests: each request is counted once, whatever happens around it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, settlement

pytestmark = pytest.mark.anyio

EARLY = {"prompt": 40, "output": 40}


async def test_counts_what_was_reported_and_frees_the_hold(ledger: Ledger):
    key = await ledger.key()
    request = await ledger.hold(key, **EARLY)
    assert await ledger.settle(settlement(request, 11, 7, ttft_ms=5, duration_ms=9)) == (1, 0)
    assert await ledger.month(key) == (18, 0, 1)
    row = dict(await ledger.connection.fetchrow("select * from gateway.usage_logs"))
    assert row == {
        "request_id": request,
        "api_key_id": key.id,
        "model": "a-model",
        "endpoint": "/v1/chat/completions",
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "charged_tokens": 18,
        "usage_source": "reported",
        "status": "ok",
        "ttft_ms": 5,
        "duration_ms": 9,
        "created_at": NOON,
        "visitor": None,
        "backend": None,
    }


async def test_a_batch_sent_again_changes_nothing(ledger: Ledger):
    key = await ledger.key()
    batch = [settlement(await ledger.hold(key), n, n, key_id=str(key.id)) for n in range(5)]
    assert await ledger.settle(*batch) == (5, 0)
    assert await ledger.settle(*batch) == (0, 5)
    assert await ledger.settle(*batch[::-1], at=NOON + 30 * DAY) == (0, 5)
    assert await ledger.month(key) == (20, 0, 5)
    assert await ledger.logged(key) == (20, 5)


async def test_a_request_that_stands_twice_in_a_batch_counts_once(ledger: Ledger):
    key = await ledger.key()
    item = settlement(await ledger.hold(key), 3, 4, key_id=str(key.id))
    assert await ledger.settle(item, item) == (1, 1)
    assert await ledger.month(key) == (7, 0, 1)


async def test_an_empty_batch_is_nothing(ledger: Ledger):
    assert await ledger.settle() == (0, 0)


async def test_a_request_never_authorised_counts_nothing(ledger: Ledger):
    assert await ledger.settle(settlement(uuid4(), 5, 5)) == (0, 1)
    assert await ledger.settle(settlement(uuid4(), 5, 5, key_id=str(uuid4()))) == (0, 1)
    assert await ledger.value("select count(*) from gateway.usage_logs") == 0


async def test_a_request_whose_hold_a_crash_lost_is_counted_once(ledger: Ledger):
    key = await ledger.key()
    known = {"key_id": str(key.id), "model": "m", "endpoint": "/e"}
    lost = settlement(uuid4(), 5, 6, **known, authorized_at=(NOON - DAY).isoformat())
    assert await ledger.settle(lost) == (1, 0)
    assert await ledger.settle(lost, lost, at=NOON + DAY) == (0, 2)
    assert await ledger.month(key) == (11, 0, 1)
    assert await ledger.logged(key) == (11, 1)
    row = await ledger.connection.fetchrow("select created_at, model from gateway.usage_logs")
    assert tuple(row) == (NOON - DAY, "m")


@pytest.mark.parametrize("days", [31, 430, -430])
async def test_a_settlement_that_is_sent_again_by_a_clock_that_jumped_is_not_counted_twice(
    ledger: Ledger, days: int
):
    key = await ledger.key()
    await ledger.value("select gateway.ensure_partitions_at($1)", NOON)
    known = {"key_id": str(key.id), "model": "m", "endpoint": "/e"}
    sent = settlement(await ledger.hold(key), 5, 6, **known, authorized_at=NOON.isoformat())
    assert await ledger.settle(sent) == (1, 0)
    assert await ledger.settle(sent, at=NOON + days * DAY) == (0, 1)
    assert await ledger.logged(key) == (11, 1)


async def test_duplicates_of_a_lost_request_sent_at_once_count_once(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    key = await ledger.key()
    lost = settlement(uuid4(), 5, 6, key_id=str(key.id))
    senders = [await open_more() for _ in range(4)]
    async with ledger.connection.transaction():  # brings all of them to the same point
        await ledger.connection.execute("select from gateway.key_counters for update")
        sent = [asyncio.create_task(sender.settle(lost)) for sender in senders]
        await ledger.wait_for_waiting(4)
    assert sorted(await asyncio.gather(*sent)) == [(0, 1)] * 3 + [(1, 0)]
    assert await ledger.logged(key) == (11, 1)


async def test_a_report_above_the_hold_is_charged_while_the_limit_leaves_room(ledger: Ledger):
    key = await ledger.key(limit=100)
    request = await ledger.hold(key, prompt=10, output=10)
    await ledger.settle(settlement(request, 30, 40))
    assert await ledger.month(key) == (70, 0, 1)


async def test_no_report_pushes_the_charge_over_the_limit(ledger: Ledger):
    key = await ledger.key(limit=100)
    first = await ledger.hold(key, prompt=10, output=10)
    second = await ledger.hold(key, prompt=30, output=30)
    await ledger.settle(settlement(first, 500, 500))
    assert await ledger.month(key) == (40, 60, 1)  # its own 20 and the 20 that nobody held
    await ledger.settle(settlement(second, 500, 500))
    assert await ledger.month(key) == (100, 0, 2)
    assert await ledger.logged(key) == (100, 2)
    total = await ledger.value("select sum(total_tokens) from gateway.usage_logs")
    assert total == 2000  # what was reported is not lost


async def test_a_limit_lowered_meanwhile_does_not_shrink_what_was_granted(ledger: Ledger):
    key = await ledger.key(limit=100)
    request = await ledger.hold(key, prompt=40, output=40)
    await ledger.admin("update_api_key", NOON, key.id, '{"monthly_token_limit": 10}')
    await ledger.settle(settlement(request, 40, 40))
    assert await ledger.month(key) == (80, 0, 1)


@pytest.mark.parametrize(
    "odd",
    [
        {"prompt_tokens": -5, "completion_tokens": None},
        {"usage_source": None, "status": "a status of tomorrow"},
        {"prompt_tokens": 2**62, "completion_tokens": 2**62},
        {"a_field_of_tomorrow": [1]},
    ],
)
async def test_an_odd_settlement_does_not_hold_up_the_rest(ledger: Ledger, odd: dict[str, Any]):
    key = await ledger.key(limit=1000)
    strange = settlement(await ledger.hold(key), 0, 0) | odd
    assert await ledger.settle(strange, settlement(await ledger.hold(key), 1, 2)) == (2, 0)
    used, held, requests = await ledger.month(key)
    assert 3 <= used <= 1000
    assert (held, requests) == (0, 2)


async def test_the_daily_roll_up_equals_the_log(ledger: Ledger):
    chance = random.Random(4)
    keys = [await ledger.key() for _ in range(3)]
    items: list[dict[str, Any]] = []
    for n in range(120):
        at = NOON + chance.randrange(-40, 40) * DAY / 2
        model = chance.choice(["small", "large"])
        request = await ledger.hold(keys[n % 3], at, model=model)
        items.append(settlement(request, chance.randrange(9), chance.randrange(99)))
    for start in range(0, 120, 7):
        await ledger.settle(*items[start : start + 7], at=NOON + 60 * DAY)
    sums = (
        "count(*) as requests, sum(prompt_tokens), sum(completion_tokens), sum(total_tokens), "
        "sum(charged_tokens) from gateway.usage_logs"
    )
    log = await ledger.connection.fetch(
        f"select (created_at at time zone 'UTC')::date, api_key_id, model, {sums} "
        "group by 1, 2, 3 order by 1, 2, 3"
    )
    days = await ledger.connection.fetch("select * from gateway.usage_daily order by 1, 2, 3")
    assert [tuple(row) for row in days] == [tuple(row) for row in log]
    assert len(log) > 30


async def test_batches_of_several_gateways_do_not_block_each_other(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    """Each sends all requests, in an order of its own: a deadlock would raise."""
    keys = [await ledger.key() for _ in range(6)]
    items = [settlement(await ledger.hold(keys[n % 6]), 1, 1) for n in range(240)]

    async def gateway(number: int) -> int:
        sender = await open_more()
        mine = random.Random(number).sample(items, len(items))
        settled = 0
        for start in range(0, len(mine), 40):
            settled += (await sender.settle(*mine[start : start + 40]))[0]
            await sender.sweep(NOON)
            await sender.hold(keys[number % 6])
        return settled

    assert sum(await asyncio.gather(*(gateway(n) for n in range(8)))) == 240
    for key in keys:
        used, _, requests = await ledger.month(key)
        assert (used, requests) == (80, 40)
        assert await ledger.logged(key) == (80, 40)


@pytest.mark.parametrize("call", ["settle", "sweep"])
@pytest.mark.parametrize("table", ["holds", "key_counters"])
async def test_rows_are_locked_in_one_order_however_they_are_named_or_lie(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]], call: str, table: str
):
    """Who waits for the first row has not taken the second, so two batches cannot cross."""
    keys = sorted([await ledger.key(), await ledger.key()], reverse=True)
    requests = [UUID(int=2), UUID(int=1)]
    if table == "key_counters":
        requests.reverse()  # the order of the holds is not that of the keys
    for key, request in zip(keys, requests, strict=True):
        await ledger.authorize(key, request=request)
    column = "request_id" if table == "holds" else "api_key_id"
    low, high = sorted(requests if table == "holds" else [key.id for key in keys])
    lock = f"select from gateway.{table} where {column} = $1 for update"
    worker, other = await open_more(), await open_more()
    await other.value("select gateway.ensure_partitions_at($1)", NOON + DAY)
    async with ledger.connection.transaction():
        await ledger.connection.execute(lock, low)
        items = [settlement(request, 1, 1) for request in requests]
        work = worker.settle(*items) if call == "settle" else worker.sweep(NOON + DAY)
        task = asyncio.create_task(work)
        await ledger.wait_for_waiting(1)
        await other.connection.execute(f"{lock} nowait", high)
    assert (await task)[0] == 2


@pytest.mark.parametrize("lent", [False, True])
@pytest.mark.parametrize("under_way", [False, True])
async def test_no_hold_stays_of_an_asking_that_comes_after_its_settlement(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]], lent: bool, under_way: bool
):
    key, request = await ledger.key(), uuid4()
    known = {"key_id": str(key.id), "lent": True} if lent else {"status": "refused"}
    item = settlement(request, 5 * lent, 6 * lent, **known)
    late = await open_more()
    asking = late.connection.transaction()
    await asking.start()
    if under_way:
        assert (await late.authorize(key, request=request)).allowed
    settling = asyncio.create_task(ledger.settle(item))
    if under_way:
        await late.wait_for_waiting(1)
    else:
        await settling
        with pytest.raises(asyncpg.RaiseError, match="settled already"):
            await late.authorize(key, request=request)
    await (asking.commit() if under_way else asking.rollback())
    assert await settling == ((1, 0) if lent or under_way else (0, 1))
    counted = 11 * lent
    assert await ledger.settle(item) == (0, 1)
    assert await ledger.month(key) == (counted, 0, int(lent or under_way))
    assert await ledger.sweep(NOON + 121 * SECOND) == (0, 0)
    assert await ledger.value("select count(*) from gateway.holds") == 0
