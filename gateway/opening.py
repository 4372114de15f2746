"""Open the store that the settings name, with its schema up to date, and close it again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple, ParamSpec, TypeVar

from gateway.embedded import EmbeddedPostgres
from gateway.migrate import migrate
from gateway.preflight import check_data_dir
from gateway.settings import Settings
from gateway.stores import Store, StoreUnavailable
from gateway.stores.postgres import PostgresStore

Result = TypeVar("Result")
Given = ParamSpec("Given")
Report = Callable[[str], None]


class Opened(NamedTuple):
    """A store that answers, and the embedded server behind it, if it is that one."""

    store: Store
    postgres: EmbeddedPostgres | None


@contextlib.asynccontextmanager
async def open_store(settings: Settings, report: Report) -> AsyncGenerator[Opened]:
    """The migrated store. An embedded Postgres that did not run is stopped again at the end."""
    if settings.store == "supabase":
        raise StoreUnavailable(
            "The Supabase store comes with the next release. "
            "Unset SUPABASE_URL to use the embedded Postgres, or set DATABASE_URL."
        )
    async with contextlib.AsyncExitStack() as stack:
        postgres: EmbeddedPostgres | None = None
        dsn = settings.database_url
        if not dsn:
            check_data_dir(settings.data_dir)
            postgres = EmbeddedPostgres(settings.data_dir)
            stack.push_async_callback(to_its_end, postgres.stop)
            dsn = await to_its_end(postgres.start, report)
        try:
            await migrate(dsn)
            store = await PostgresStore.open(dsn)
        except StoreUnavailable as problem:
            where = "embedded Postgres" if postgres else "DATABASE_URL"
            raise StoreUnavailable(f"{where}: {problem}") from None
        stack.push_async_callback(store.close)
        yield Opened(store, postgres)


async def to_its_end(
    work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    """Run in a thread, and wait for it even when cancelled: half a start cannot be stopped."""
    running = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
