"""What only the Postgres store has to withstand: time-outs, poolers, a missing schema."""

import asyncio

import asyncpg
import pytest

from gateway.stores import StoreUnavailable
from gateway.stores.postgres import PostgresStore
from tests.support.router import routed
from tests.support.store_calls import HASTY, ask, counters_locked, create, month

pytestmark = pytest.mark.anyio


async def test_without_the_schema_it_does_not_open_and_says_what_to_run(empty_database: str):
    with pytest.raises(StoreUnavailable, match="localllm db migrate"):
        await PostgresStore.open(empty_database)


async def test_a_call_that_the_database_holds_up_ends_in_time(database: str):
    store = await PostgresStore.open(database)
    key = await create(store)
    hasty = await PostgresStore.open(database, timeout=HASTY)
    async with counters_locked(database):
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            await hasty.authorize(ask(key))
        await hasty.close()  # which ends what was begun, so that nothing is held for nobody
    assert await month(store, key) == (0, 0, 0)
    await store.close()


async def test_a_connection_that_a_router_forgot_costs_one_time_out_and_no_more(database: str):
    async with routed(database) as (router, dsn):
        store = await PostgresStore.open(dsn, timeout=3.0)
        key = await create(store)
        router.forget()
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            await store.authorize(ask(key))
        assert (await store.authorize(ask(key))).allowed
        await store.close()


async def test_a_call_that_finds_no_free_connection_ends_in_time(database: str):
    store = await PostgresStore.open(database, connections=1)
    store._connections._timeout = 0.01
    place = store._connections._free.get_nowait()
    with pytest.raises(StoreUnavailable, match="did not answer in time"):
        await store.check()
    store._connections._free.put_nowait(place)
    await store.check()
    await store.close()


async def test_a_pooler_that_forgets_prepared_statements_is_met_without_them(database: str):
    store = await PostgresStore.open(database, connections=2)
    key = await create(store)
    await store._connections.fetchrow("deallocate all")
    await store.check()
    for _ in range(2):
        await store._connections.fetchrow("deallocate all")
        assert (await store.authorize(ask(key))).allowed
    await store.close()


@pytest.mark.parametrize("how", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_a_connection_ended_by_the_server_is_replaced_unnoticed(database: str, how: str):
    store = await PostgresStore.open(database)
    key = await create(store)
    other = await asyncpg.connect(database)
    for _ in range(3):
        await other.execute(
            f"select {how}(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert (await store.authorize(ask(key))).allowed
    await other.close()
    await store.close()


async def test_connections_unused_for_long_are_closed(
    database: str, monkeypatch: pytest.MonkeyPatch
):
    store = await PostgresStore.open(database)
    monkeypatch.setattr("gateway.stores.connections.IDLE_SECONDS", -1.0)
    await store.sweep([])
    assert all(place.connection is None for place in store._connections._places)
    await store.check()
    await store.close()


async def test_a_call_that_waits_while_an_upgrade_replaces_its_functions_is_made_again(
    database: str,
):
    store = await PostgresStore.open(database)
    key = await create(store)
    upgrade = await asyncpg.connect(database)
    async with upgrade.transaction():
        await upgrade.execute("select * from gateway.key_counters for update")
        waiting = asyncio.create_task(store.authorize(ask(key)))
        blocked = "select count(*) from pg_locks where not granted"
        while not await upgrade.fetchval(blocked):
            await asyncio.sleep(0.01)  # a look at what another session does, no timing
        # As an upgrade does that gives a helper other arguments: the body that waits calls the
        # old one, which is gone.
        for name in ("make_verdict", "authorize_request_at"):
            text = await upgrade.fetchval(
                "select pg_get_functiondef(oid) from pg_proc where proname = $1", name
            )
            await upgrade.execute(text.replace("gateway.make_verdict(", "gateway.new_verdict("))
        await upgrade.execute("drop function gateway.make_verdict")
    await upgrade.close()
    assert (await waiting).allowed
    assert await month(store, key) == (0, 30, 0)  # held once
    await store.close()
