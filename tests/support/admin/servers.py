"""The two that answer /admin: the gateway, and the Supabase function under a real Deno.

Each has a database of its own; the function's stands behind the stand-in for PostgREST.
"""

import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from gateway.app import make_services
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.stores import Store, StoreUnavailable
from gateway.stores.postgres import PostgresStore
from tests.support.bare_gateway import served
from tests.support.deno import running_function
from tests.support.postgrest.stand_in import StandIn, stand_in

SECRET = "for-tests-only-größer"  # sent as UTF-8
CONSOLE = "https://console.example"  # a website that may use the admin routes


@dataclass
class Admin:
    """One of the two, seen from outside."""

    name: str
    url: str
    dsn: str
    calls: Callable[[], list[tuple[str, dict[str, Any]]]]  # what the database was asked
    away: Callable[[bool], None]  # whether the database is
    log: Callable[[], str]


class Watched:
    """A store that can be away, and remembers what administration has asked of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.away = False
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if self.away:
            raise StoreUnavailable("The test has taken the database away.")
        self.calls.append((function, dict(arguments)))
        return await self._store.admin(function, arguments)


def function_environment(project: StandIn, **more: str) -> dict[str, str]:
    keys = f'{{"default":"{project.secret_key}"}}'
    return {
        "SUPABASE_URL": project.url,
        "SUPABASE_SECRET_KEYS": keys,
        "ADMIN_SECRET": SECRET,
        "ADMIN_CORS_ORIGINS": CONSOLE,
    } | more


@contextmanager
def function_admin(dsn: str) -> Iterator[Admin]:
    with stand_in(dsn) as project, running_function(function_environment(project)) as function:
        yield Admin(
            "function",
            function.url,
            dsn,
            lambda: [(call.function, call.arguments) for call in project.calls],
            lambda away: project.stop() if away else project.start(),
            lambda: function.output,
        )


@contextmanager
def gateway_admin(dsn: str) -> Iterator[Admin]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="localllm-admin-"))
        stack.callback(shutil.rmtree, folder)
        portal = stack.enter_context(start_blocking_portal())
        url, store = stack.enter_context(
            portal.wrap_async_context_manager(_serving_gateway(dsn, folder))
        )

        def away(is_away: bool) -> None:
            store.away = is_away

        yield Admin("gateway", url, dsn, lambda: list(store.calls), away, lambda: "")


@asynccontextmanager
async def _serving_gateway(dsn: str, folder: Path) -> AsyncGenerator[tuple[str, Watched]]:
    store: Any = Watched(await PostgresStore.open(dsn))
    settings = Settings(data_dir=folder, admin_secret=SECRET, admin_cors_origins=(CONSOLE,))
    pool = BackendPool(settings)  # no admin route asks the model server
    services = make_services(settings, store, pool)
    try:
        async with served(services) as url:
            yield url, store
    finally:
        services.outbox.close()
        await store.close()
