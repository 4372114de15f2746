"""The stores under contract. Add a kind here, and every test of the suite runs over it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.stores import Store
from gateway.stores.functions import SERVING
from gateway.stores.postgres import PostgresStore
from gateway.stores.supabase import SupabaseStore
from tests.support.admin.fixtures import admin, function_side, gateway_side, owner
from tests.support.postgres import Server
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.recorded_world import world
from tests.support.sql.ledger import Ledger, open_ledger

__all__ = ["admin", "function_side", "gateway_side", "owner", "world"]


@dataclass
class Backend:
    """A store and what stands behind it."""

    store: Store
    ledger: Ledger  # looks into the database by itself
    kill: Callable[[], None]
    restart: Callable[[], Awaitable[None]]
    away: str  # what it says while the server is down


class ByRole(SupabaseStore):
    """With a gateway token. What only the owner may do, such as to make a key, another store does
    with the secret key."""

    def __init__(self, project: StandIn) -> None:
        super().__init__(project.url, project.publishable_key, project.gateway_token())
        self._owner = SupabaseStore(project.url, project.secret_key)

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if function in SERVING:
            return await super().admin(function, arguments)
        return await self._owner.admin(function, arguments)

    async def close(self) -> None:
        await super().close()
        await self._owner.close()


@pytest.fixture(params=["postgres", "supabase", "supabase by token"])
async def backend(
    request: pytest.FixtureRequest, postgres: Server, database: str
) -> AsyncIterator[Backend]:
    with contextlib.ExitStack() as stack:
        if request.param == "postgres":
            store: Store = await PostgresStore.open(database)
            away = "is it running"
        else:
            project = stack.enter_context(stand_in(database))
            project.is_hosted = False  # which is stricter
            if request.param == "supabase":
                store = SupabaseStore(project.url, project.secret_key)
            else:
                store = ByRole(project)
            away = "of 127.0.0.1:[0-9]+ does not answer"

        async def restart() -> None:
            postgres.start()
            backend.ledger = await open_ledger(database)

        backend = Backend(store, await open_ledger(database), postgres.kill, restart, away)
        yield backend
        await backend.ledger.connection.close()
        await store.close()


@pytest.fixture
def store(backend: Backend) -> Store:
    return backend.store
