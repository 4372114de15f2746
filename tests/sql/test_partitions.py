"""The log is cut by month, in time, whatever has been written before."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from tests.support.sql.ledger import NOON, TTL, Ledger, settlement

pytestmark = pytest.mark.anyio

ENSURE = "select gateway.ensure_partitions_at($1)"
PARTITIONS = """
select c.relname from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
where i.inhparent = 'gateway.usage_logs'::regclass and c.relname like '%_2030_%'
order by 1
"""


async def partitions(ledger: Ledger) -> list[str]:
    return [row[0] for row in await ledger.connection.fetch(PARTITIONS)]


async def test_this_month_and_the_next_are_made_once(ledger: Ledger):
    assert await ledger.value(ENSURE, NOON) == 2
    assert await ledger.value(ENSURE, NOON) == 0
    assert await partitions(ledger) == ["usage_logs_2030_01", "usage_logs_2030_02"]
    assert await ledger.value(ENSURE, datetime(2030, 12, 31, 23, tzinfo=UTC)) == 2
    assert await ledger.value("select to_regclass('gateway.usage_logs_2031_01') is not null")


async def test_a_fresh_database_has_those_of_today(ledger: Ledger):
    made = "select max(applied_at) from gateway.migrations"  # of its template
    assert await ledger.value(ENSURE, await ledger.value(made)) == 0


async def test_the_sweep_makes_them_and_does_the_rest_next_time(ledger: Ledger):
    await ledger.hold(await ledger.key(), ttl=0)
    sweep = "select released from gateway.sweep_holds_at($1, '{}', $2)"
    assert await ledger.value(sweep, NOON, TTL) == 0
    assert len(await partitions(ledger)) == 2
    assert await ledger.value(sweep, NOON, TTL) == 1


async def test_rows_caught_by_the_default_partition_move_to_their_month(ledger: Ledger):
    key = await ledger.key()
    where = "select tableoid::regclass::text from gateway.usage_logs"
    await ledger.settle(settlement(await ledger.hold(key), 1, 2))
    assert await ledger.value(where) == "gateway.usage_logs_default"
    await ledger.value(ENSURE, NOON)
    assert await ledger.value(where) == "gateway.usage_logs_2030_01"
    await ledger.settle(settlement(await ledger.hold(key), 3, 4))
    assert await ledger.logged(key) == (10, 2)
    assert await ledger.value("select count(*) from gateway.usage_logs_default") == 0


async def test_made_under_load_by_many_at_once_they_lose_nothing(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    key = await ledger.key()

    async def write() -> None:
        mine = await open_more()
        for _ in range(20):
            await mine.settle(settlement(await mine.hold(key), 1, 1))

    async def make() -> None:
        mine = await open_more()
        for month in range(1, 12):
            await mine.value(ENSURE, datetime(2030, month, 1, tzinfo=UTC))

    await asyncio.gather(*(write() for _ in range(5)), make(), make())
    assert await ledger.logged(key) == (200, 100)
    assert len(await partitions(ledger)) == 12


async def test_the_months_hold_their_log_under_an_index_by_time(ledger: Ledger):
    await ledger.value(ENSURE, NOON)
    methods = await ledger.connection.fetch(
        "select distinct a.amname from pg_index as i join pg_class as c on c.oid = i.indexrelid "
        "join pg_am as a on a.oid = c.relam "
        "where i.indrelid = 'gateway.usage_logs_2030_01'::regclass order by 1"
    )
    assert [row[0] for row in methods] == ["btree", "hash"]
