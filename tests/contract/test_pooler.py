"""Behind a real PgBouncer in transaction mode, no call depends on the session of another."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.database.migrate import migrate, pending
from gateway.stores import Settlement
from gateway.stores.postgres import PostgresStore
from tests.support.pooler import pooled
from tests.support.store_calls import ask, create, month

pytestmark = pytest.mark.anyio


@pytest.fixture
def dsn(database: str) -> Iterator[str]:
    with pooled(database) as through:
        yield through


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(dsn)
    yield opened
    await opened.close()


async def test_it_is_recognised_and_a_direct_line_is_not(store: PostgresStore, database: str):
    assert store._connections.pooled
    direct = await PostgresStore.open(database)
    assert not direct._connections.pooled
    await direct.close()


async def test_many_calls_at_once_share_two_sessions_and_each_is_counted_once(store: PostgresStore):
    key = await create(store)

    async def one() -> None:
        wanted = ask(key)
        assert (await store.authorize(wanted)).allowed
        assert (await store.identify(wanted.key_hash, "chat", None)).allowed
        await store.settle([Settlement(wanted.request_id, 1, 2, "reported")])

    await asyncio.gather(*(one() for _ in range(50)))
    await store.sweep([])
    assert await month(store, key) == (150, 0, 50)


async def test_two_gateways_behind_one_pooler_do_not_take_each_others_statements(
    dsn: str, database: str
):
    stores = [await PostgresStore.open(dsn) for _ in range(3)]
    key = await create(stores[0])
    wanted = [ask(key) for _ in range(60)]
    verdicts = await asyncio.gather(
        *(stores[number % 3].authorize(one) for number, one in enumerate(wanted))
    )
    assert all(verdict.allowed for verdict in verdicts)
    for store in stores:
        await store.close()


async def test_the_schema_is_brought_up_to_date_through_it(empty_database: str):
    with pooled(empty_database) as dsn:
        first, second = await asyncio.gather(migrate(dsn), migrate(dsn))
        assert (len(first) > 0) != (len(second) > 0)
        assert await pending(dsn) == []


async def test_one_that_hides_is_recognised_by_the_first_statement_that_it_loses(
    dsn: str,
):
    store = await PostgresStore.open(dsn)
    store._connections.pooled = False
    keys = [await create(store) for _ in range(10)]  # those of one key would share a call
    for _ in range(50):
        for verdict in await asyncio.gather(*(store.authorize(ask(key)) for key in keys)):
            assert verdict.allowed or verdict.reason == "rate_limit_exceeded"
        if store._connections.pooled:
            break
    assert store._connections.pooled
    await store.close()
