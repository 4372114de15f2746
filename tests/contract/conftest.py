"""The stores under contract. Add a kind here, and every test of the suite runs over it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from gateway.stores import Store
from gateway.stores.postgres import PostgresStore
from tests.postgres_fixture import Server
from tests.sql.ledger import Ledger, open_ledger


@dataclass
class Backend:
    """A store and what stands behind it."""

    store: Store
    ledger: Ledger  # looks into the database by itself
    kill: Callable[[], None]
    restart: Callable[[], Awaitable[None]]


@pytest.fixture(params=["postgres"])
async def backend(postgres: Server, database: str) -> AsyncIterator[Backend]:
    store = await PostgresStore.open(database)

    async def restart() -> None:
        postgres.start()
        backend.ledger = await open_ledger(database)

    backend = Backend(store, await open_ledger(database), postgres.kill, restart)
    yield backend
    await backend.ledger.connection.close()
    await store.close()


@pytest.fixture
def store(backend: Backend) -> Store:
    return backend.store
