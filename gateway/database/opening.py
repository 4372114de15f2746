"""Open the store that the settings name, with its schema up to date, and close it again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple, ParamSpec, TypeVar

from gateway.config.extras import SUPABASE
from gateway.config.preflight import check_data_dir
from gateway.config.settings import Settings
from gateway.database.migrate import FUNCTIONS, lacking, migrate
from gateway.embedded import EmbeddedPostgres
from gateway.stores import PUSH, Store, StoreMisconfigured, StoreUnavailable
from gateway.stores.postgres import PostgresStore

Result = TypeVar("Result")
Given = ParamSpec("Given")
Report = Callable[[str], None]


class SchemaMissing(StoreMisconfigured):
    """The Supabase project lacks these parts of the schema."""

    def __init__(self, missing: list[str]) -> None:
        names = ", ".join(name for name in missing if name != FUNCTIONS)
        super().__init__(f"the project's schema lacks {names}: {PUSH}")


class Opened(NamedTuple):
    """A store, and the embedded server behind it, if it is that one."""

    store: Store
    postgres: EmbeddedPostgres | None
    applied: list[str]  # what of the schema was missing
    problem: str = ""  # why it does not answer yet; a gateway goes on all the same


@contextlib.asynccontextmanager
async def open_store(settings: Settings, report: Report) -> AsyncGenerator[Opened]:
    """The migrated store. An embedded Postgres that did not run is stopped again at the end."""
    if settings.store == "supabase":
        async with _supabase(settings, report) as opened:
            yield opened
        return
    async with reach_database(settings, report) as (dsn, postgres):
        applied = await migrate(dsn)
        store = await PostgresStore.open(dsn)
        try:
            yield Opened(store, postgres, applied)
        finally:
            await store.close()


@contextlib.asynccontextmanager
async def _supabase(settings: Settings, report: Report) -> AsyncGenerator[Opened]:
    """The project may be away: a gateway that starts before its network is up goes on waiting.
    What only the owner can mend is raised."""
    async with reach_project(settings, report) as store:
        try:
            missing = lacking(await store.admin("applied_migrations", {}))
        except StoreMisconfigured:
            raise
        except StoreUnavailable as problem:
            yield Opened(store, None, [], f"Supabase cannot be asked yet: {problem}")
            return
        if set(missing) - {FUNCTIONS}:
            raise SchemaMissing(missing)
        yield Opened(store, None, [])


async def install_if_needed(settings: Settings, report: Report) -> None:
    """What speaks with Supabase, where the settings ask for it. Raises ExtraError."""
    if settings.store == "supabase" and not SUPABASE.is_installed():
        report("Installing Supabase's client (once).")
        await SUPABASE.install()


@contextlib.asynccontextmanager
async def reach_project(settings: Settings, report: Report) -> AsyncGenerator[Store]:
    """The store of a Supabase project, which has not been asked anything yet."""
    await install_if_needed(settings, report)
    from gateway.stores.supabase import SupabaseStore

    store = SupabaseStore(settings.supabase_url, settings.supabase_service_key)
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def reach_database(
    settings: Settings, report: Report
) -> AsyncGenerator[tuple[str, EmbeddedPostgres | None]]:
    """The address of a database that may be used within, and the server if it is ours."""
    if settings.database_url:
        try:
            yield settings.database_url, None
        except StoreUnavailable as problem:
            raise StoreUnavailable(f"DATABASE_URL: {problem}") from problem
        return
    check_data_dir(settings.data_dir)
    postgres = EmbeddedPostgres(settings.data_dir)
    try:
        yield await to_its_end(postgres.start, report), postgres
    finally:
        await to_its_end(postgres.stop)


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
