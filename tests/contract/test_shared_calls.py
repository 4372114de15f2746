"""Requests that ask the Postgres store at once share a call, and are decided as if they did not."""

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from gateway.stores import AuthorizationRequest, StoreUnavailable, Verdict
from gateway.stores.postgres import PostgresStore
from tests.support.store_calls import HASTY, ask, counters_locked, create, month

pytestmark = pytest.mark.anyio


async def all_at_once(
    store: PostgresStore, *asked: AuthorizationRequest
) -> list[Verdict | BaseException]:
    return await asyncio.gather(*map(store.authorize, asked), return_exceptions=True)


def count_calls(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests each call was for, from now on."""
    sizes: list[int] = []
    for name in ("fetchrow", "fetchmany"):
        real: Any = getattr(store._connections, name)

        async def counted(sql: str, *arguments: Any, real: Any = real, name: str = name) -> Any:
            if "authorize_request" in sql:
                sizes.append(len(arguments[0]) if name == "fetchmany" else 1)
            return await real(sql, *arguments)

        monkeypatch.setattr(store._connections, name, counted)
    return sizes


async def test_one_call_decides_for_all_of_a_key_and_none_is_granted_too_much(
    database: str, monkeypatch: pytest.MonkeyPatch
):
    store = await PostgresStore.open(database)
    key = await create(store, p_monthly_token_limit=1000)
    sizes = count_calls(store, monkeypatch)
    wanted = [ask(key, prompt_bound=100, max_output=200, capped=True) for _ in range(5)]
    verdicts = [v for v in await all_at_once(store, *wanted) if isinstance(v, Verdict)]
    assert [v.allowed for v in verdicts] == [True, True, True, False, False]
    assert [v.tokens_remaining for v in verdicts[:3]] == [700, 400, 100]
    assert {v.reason for v in verdicts[3:]} == {"insufficient_quota"}
    assert sizes == [5]
    again = await all_at_once(store, *wanted[:3])
    assert [v.granted for v in again if isinstance(v, Verdict)] == [200] * 3
    assert (await month(store, key))[1] == 900
    await store.close()


async def test_keys_are_asked_for_apart_so_that_no_two_gateways_wait_for_each_other(
    database: str, monkeypatch: pytest.MonkeyPatch
):
    first, second = [await PostgresStore.open(database) for _ in range(2)]
    keys = [await create(first) for _ in range(2)]
    sizes = count_calls(first, monkeypatch)
    for _ in range(30):
        here = [ask(key) for key in keys for _ in range(4)]
        there = [ask(key) for key in reversed(keys) for _ in range(4)]
        verdicts = await asyncio.gather(all_at_once(first, *here), all_at_once(second, *there))
        assert all(isinstance(v, Verdict) and v.allowed for both in verdicts for v in both)
    assert sizes == [4] * 60
    await first.close()
    await second.close()


async def test_one_that_fails_in_the_database_leaves_the_others_theirs(database: str):
    store = await PostgresStore.open(database)
    key, other = await create(store), await create(store)
    taken = ask(other)
    await store.authorize(taken)
    foreign = msgspec.structs.replace(taken, key_hash=ask(key).key_hash)
    good, bad, fine = await all_at_once(store, ask(key), foreign, ask(key))
    assert isinstance(bad, StoreUnavailable)
    for one in (good, fine):
        assert isinstance(one, Verdict)
        assert one.allowed
    assert await held(database, key) == 2
    await store.close()


async def test_one_that_leaves_meanwhile_takes_nothing_from_the_others(database: str):
    store = await PostgresStore.open(database)
    key = await create(store)
    async with counters_locked(database) as blocker:
        asked = [asyncio.create_task(store.authorize(ask(key))) for _ in range(3)]
        while not await blocker.fetchval("select count(*) from pg_locks where not granted"):
            await asyncio.sleep(0.01)  # a look at what another session does, no timing
        asked[1].cancel()
        done, _ = await asyncio.wait(asked, timeout=0.1)
        assert not done, "its settlement would wait for the call, and the call for that"
    for one in (asked[0], asked[2]):
        assert (await one).allowed
    with pytest.raises(asyncio.CancelledError):
        await asked[1]
    await store.close()


async def test_a_database_that_is_silent_is_given_up_once_for_all_of_them(
    database: str, monkeypatch: pytest.MonkeyPatch
):
    store = await PostgresStore.open(database)
    key = await create(store)
    hasty = await PostgresStore.open(database, timeout=HASTY)
    sizes = count_calls(hasty, monkeypatch)
    async with counters_locked(database):
        for one in await all_at_once(hasty, *(ask(key) for _ in range(8))):
            assert isinstance(one, StoreUnavailable)
            assert "did not answer in time" in str(one)
        assert sizes == [8]
        await hasty.close()
    assert await held(database, key) == 0
    await store.close()


async def test_those_of_a_broken_connection_are_asked_again(database: str):
    store = await PostgresStore.open(database)
    key = await create(store)
    other = await asyncpg.connect(database)
    await other.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    for one in await all_at_once(store, *(ask(key) for _ in range(4))):
        assert isinstance(one, Verdict)
        assert one.allowed
    await other.close()
    assert await held(database, key) == 4
    await store.close()


async def held(database: str, key: Any) -> int:
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetchval(
            "select count(*) from gateway.holds as h join gateway.api_keys as k"
            " on k.id = h.api_key_id where k.key_hash = $1 and h.released_at is null",
            ask(key).key_hash,
        )
    finally:
        await connection.close()
