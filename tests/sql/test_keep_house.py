"""keep_house: the log is kept small, and nothing is lost by it or waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.sql.ledger import DAY, NOON, Key, Ledger, new_hash, settlement

pytestmark = pytest.mark.anyio

OpenMore = Callable[[], Awaitable[Ledger]]
NOTHING = {"partitions_made": 0, "partitions_dropped": [], "kept_back": [], "busy": False}


def day(year: int, month: int, day: int = 15) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


async def use(ledger: Ledger, key: Key, at: datetime) -> None:
    await ledger.settle(settlement(await ledger.hold(key, at), 3, 4), at=at)


async def keep(ledger: Ledger, months: int | None = 12, at: datetime = NOON) -> dict[str, Any]:
    await ledger.steady(at)
    return await ledger.admin("keep_house", at, months)


async def tables(ledger: Ledger) -> list[str]:
    rows = await ledger.connection.fetch(
        "select inhrelid::regclass::text from pg_inherits "
        "where inhparent = 'gateway.usage_logs'::regclass order by 1"
    )
    return [row[0].removeprefix("gateway.usage_logs_") for row in rows]


@asynccontextmanager
async def tried(ledger: Ledger) -> AsyncIterator[None]:
    """What happens within is undone at the end."""
    attempt = ledger.connection.transaction()
    await attempt.start()
    try:
        yield
    finally:
        await attempt.rollback()


async def forget_months_of_today(ledger: Ledger) -> None:
    """Those that come with a fresh database, so that a test sees only its own. They are of the day
    on which its template was made: the month may have turned since."""
    for month in await tables(ledger):
        if month != "default":
            await ledger.connection.execute(f"drop table gateway.usage_logs_{month}")


@pytest.fixture
async def key(ledger: Ledger) -> Key:
    """A key that was used in each month from November 2028 to January 2030."""
    await forget_months_of_today(ledger)
    made = await ledger.key(day(2028, 11))
    for number in range(10, 25):
        at = day(2028 + number // 12, number % 12 + 1)
        await ledger.value("select gateway.ensure_partitions_at($1)", at)
        await use(ledger, made, at)
    await ledger.value("select gateway.ensure_partitions_at($1)", NOON)
    return made


async def test_the_partitions_of_this_month_and_the_next_are_made(ledger: Ledger):
    await forget_months_of_today(ledger)
    assert await keep(ledger) == NOTHING | {"partitions_made": 2}
    assert await keep(ledger) == NOTHING
    assert await tables(ledger) == ["2030_01", "2030_02", "default"]


async def test_months_that_ended_long_ago_are_dropped_and_their_usage_stays_known(
    ledger: Ledger, key: Key
):
    before = await ledger.admin("usage_report", NOON, key.id, day(2028, 1), NOON)
    gone = ["usage_logs_2028_11", "usage_logs_2028_12"]
    assert await keep(ledger) == NOTHING | {"partitions_dropped": gone}
    assert await keep(ledger) == NOTHING
    assert (await tables(ledger))[0] == "2029_01"
    assert await ledger.admin("usage_report", NOON, key.id, day(2028, 1), NOON) == before
    assert await ledger.logged(key) == (13 * 7, 13)


async def test_a_month_is_kept_until_it_ended_more_than_so_many_months_ago(
    ledger: Ledger, key: Key
):
    end = datetime(2030, 1, 1, tzinfo=UTC)
    dropped = ["usage_logs_2028_11"]
    assert await keep(ledger, 12, end) == NOTHING | {"partitions_dropped": dropped}
    dropped = ["usage_logs_2028_12"]
    assert await keep(ledger, 12, end + timedelta.resolution) == NOTHING | {
        "partitions_dropped": dropped
    }


async def test_two_months_are_kept_whatever_is_asked_for(ledger: Ledger, key: Key):
    """A settlement that lost its hold asks the log of the last 36 days whether it is there."""
    for months in (2, 1, 0, -5):
        async with tried(ledger):
            await keep(ledger, months)
            assert await tables(ledger) == ["2029_11", "2029_12", "2030_01", "2030_02", "default"]


async def test_no_wish_is_a_year_and_any_number_is_taken(ledger: Ledger, key: Key):
    for months, first in ((None, "2029_01"), (2_000_000_000, "2028_11")):
        async with tried(ledger):
            await keep(ledger, months)
            assert (await tables(ledger))[0] == first


DAMAGES = [
    "delete from gateway.usage_daily where day = '2028-11-15'",
    "update gateway.usage_daily set model = 'other' where day = '2028-11-15'",
    *(
        f"update gateway.usage_daily set {column} = {column} - 1 where day = '2028-11-15'"
        for column in (
            *("requests", "prompt_tokens", "completion_tokens"),
            *("total_tokens", "charged_tokens"),
        )
    ),
]


async def test_a_month_that_the_roll_up_does_not_hold_is_kept_and_named(ledger: Ledger, key: Key):
    kept = {"kept_back": ["usage_logs_2028_11"]}
    for damage in DAMAGES:
        async with tried(ledger):
            await ledger.connection.execute(damage)
            dropped = {"partitions_dropped": ["usage_logs_2028_12"]}
            assert await keep(ledger) == NOTHING | kept | dropped, damage
            assert await keep(ledger) == NOTHING | kept
            assert (await tables(ledger))[0] == "2028_11"


async def test_old_rows_of_the_default_partition_go_the_same_way(ledger: Ledger, key: Key):
    other = await ledger.key(day(2028, 1))
    for month in (2, 3):
        await use(ledger, other, day(2028, month))
    await use(ledger, other, day(2030, 6))  # a clock that was wrong: it is not old
    await ledger.connection.execute("delete from gateway.usage_daily where day = '2028-02-15'")
    kept = {"kept_back": ["usage_logs_default (2028-02)"]}
    result = await keep(ledger)
    assert result == NOTHING | kept | {
        "partitions_dropped": [
            *("usage_logs_2028_11", "usage_logs_2028_12", "usage_logs_default (2028-03)"),
        ]
    }
    left = "select created_at from gateway.usage_logs_default order by 1"
    assert [row[0] for row in await ledger.connection.fetch(left)] == [day(2028, 2), day(2030, 6)]


async def test_a_settlement_that_comes_after_its_month_was_dropped_is_counted(
    ledger: Ledger, key: Key
):
    late = await ledger.key(day(2028, 11))
    request = await ledger.hold(late, day(2028, 11))
    await keep(ledger)
    assert await ledger.settle(settlement(request, 1, 1)) == (1, 0)
    assert await ledger.logged(late) == (2, 1)
    kept = await keep(ledger)
    assert kept["partitions_dropped"] == ["usage_logs_default (2028-11)"]


async def test_keys_long_retired_and_old_failures_are_forgotten(ledger: Ledger):
    key = await ledger.key()
    for number in range(3):
        await ledger.admin("rotate_api_key", NOON + number * DAY, key.id, new_hash(), "p", 0)
    await ledger.admin("admin_login", NOON, "192.0.2.1", False)
    await ledger.admin("admin_login", NOON + 31 * DAY, "192.0.2.1", False)
    await keep(ledger, at=NOON + 31 * DAY)
    assert await ledger.value("select count(*) from gateway.retired_keys") == 2
    assert await ledger.value("select count(*) from gateway.admin_failures") == 1


async def test_while_one_keeps_house_the_next_does_nothing(
    ledger: Ledger, key: Key, open_more: OpenMore
):
    other = await open_more()
    await ledger.steady(NOON)
    async with ledger.connection.transaction():
        assert (await keep(ledger))["partitions_dropped"] != []
        assert await keep(other) == NOTHING | {"busy": True}


async def test_who_reads_the_whole_log_stops_neither_settling_nor_sweeping(
    ledger: Ledger, key: Key, open_more: OpenMore
):
    """pg_dump reads for hours: whoever waited for it would make every settlement wait behind."""
    keeper, settler, march = await open_more(), await open_more(), day(2030, 3)
    async with ledger.connection.transaction():
        await ledger.value("select count(*) from gateway.usage_logs")
        task = asyncio.create_task(keep(keeper, at=march))
        await ledger.wait_for_waiting(1)
        await use(settler, key, NOON)  # though who reads goes on to read
        assert await task == NOTHING | {"busy": True}
        sweep = "select released from gateway.sweep_holds_at($1, '{}', 900)"
        await settler.hold(key, march, ttl=0)
        assert await keeper.value(sweep, march) == 1
    assert (await keep(ledger))["partitions_dropped"] != []
    settings = await ledger.value("select proconfig from pg_proc where proname = 'lock_log'")
    assert "lock_timeout=2s" in settings, "so long does a settlement wait at most"


async def test_under_load_from_several_gateways_nothing_is_lost_and_nobody_fails(
    ledger: Ledger, key: Key, open_more: OpenMore
):
    logged, requests = await ledger.logged(key)
    keys = [await ledger.key() for _ in range(4)]

    async def work() -> None:
        mine = await open_more()
        for _ in range(15):
            holds = [await mine.hold(one) for one in keys]
            await mine.settle(*(settlement(hold, 1, 1) for hold in holds))
            await mine.value("select gateway.sweep_holds_at($1, '{}', 900)", NOON)

    async def tidy() -> list[dict[str, Any]]:
        mine = await open_more()
        return [await keep(mine, months, day(2030, 2)) for months in range(12, 1, -1)]

    *_, first, second = await asyncio.gather(*(work() for _ in range(4)), tidy(), tidy())
    dropped = [name for one in first + second for name in one["partitions_dropped"]]
    assert len(dropped) == len(set(dropped))
    await keep(ledger, 2, day(2030, 2))
    assert await tables(ledger) == ["2029_12", "2030_01", "2030_02", "2030_03", "default"]
    for one in keys:
        assert await ledger.logged(one) == (120, 60)
        assert await ledger.month(one) == (120, 0, 60)
    assert await ledger.logged(key) == (14, 2)
    assert (logged, requests) == (15 * 7, 15)


async def test_the_public_function_asks_for_the_time_that_adding_up_may_take(ledger: Ledger):
    await ledger.connection.execute("set role service_role")
    assert '"busy": false' in await ledger.value(
        "select public.keep_house(p_retention_months => 12)"
    )
    settings = await ledger.value("select proconfig from pg_proc where proname = 'keep_house'")
    assert "statement_timeout=60s" in settings
