"""Open the store that the settings name, bring its schema up to date, and close it again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple, ParamSpec, TypeVar

from gateway.config.extras import SUPABASE
from gateway.config.preflight import check_data_dir
from gateway.config.settings import Settings
from gateway.database.migrate import FUNCTIONS, lacking, migrate
from gateway.database.role import as_role
from gateway.embedded import EmbeddedPostgres
from gateway.stores import PUSH, Store, StoreMisconfigured, StoreUnavailable
from gateway.stores.postgres import PostgresStore

Result = TypeVar("Result")
Given = ParamSpec("Given")
Report = Callable[[str], None]


class SchemaMissing(StoreMisconfigured):
    """The Supabase project lacks these steps of the schema."""

    def __init__(self, missing: list[str]) -> None:
        names = ", ".join(name for name in missing if name != FUNCTIONS)
        super().__init__(f"the project's schema lacks {names}: {PUSH}")


class Opened(NamedTuple):
    """A store, and the embedded Postgres if that is what it uses."""

    store: Store
    postgres: EmbeddedPostgres | None
    applied: list[str]  # the steps of the schema that were missing
    problem: str = ""  # why the store does not answer yet; the gateway starts anyway


@contextlib.asynccontextmanager
async def open_store(settings: Settings, report: Report) -> AsyncGenerator[Opened]:
    """The store, with its schema up to date. An embedded Postgres is stopped at the end unless
    another process uses it."""
    if settings.store == "supabase":
        async with _supabase(settings, report) as opened:
            yield opened
        return
    async with reach_database(settings, report) as (dsn, postgres):
        applied = await migrate(dsn)
        store = await PostgresStore.open(await as_role(dsn) if postgres else dsn)
        try:
            yield Opened(store, postgres, applied)
        finally:
            await store.close()


@contextlib.asynccontextmanager
async def _supabase(settings: Settings, report: Report) -> AsyncGenerator[Opened]:
    """The store of a Supabase project. An unreachable project is no error, because a gateway can
    start before the network is up. Problems that only the owner can fix are raised."""
    async with reach_project(settings, report) as store:
        try:
            missing = lacking(await store.admin("applied_migrations", {}))
        except StoreMisconfigured:
            raise
        except StoreUnavailable as problem:
            yield Opened(store, None, [], f"Supabase cannot be reached yet: {problem}")
            return
        if set(missing) - {FUNCTIONS}:
            raise SchemaMissing(missing)
        yield Opened(store, None, [])


async def install_if_needed(settings: Settings, report: Report) -> None:
    """Install the Supabase client if the settings need it. Raises ExtraError."""
    if settings.store == "supabase" and not SUPABASE.is_installed():
        report("Installing the Supabase client (once).")
        await SUPABASE.install()


@contextlib.asynccontextmanager
async def reach_project(settings: Settings, report: Report) -> AsyncGenerator[Store]:
    """The store of a Supabase project, before any call to it."""
    await install_if_needed(settings, report)
    from gateway.stores.supabase import SupabaseStore

    key = settings.supabase_service_key or settings.supabase_publishable_key
    store = SupabaseStore(settings.supabase_url, key, settings.supabase_gateway_token)
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def reach_database(
    settings: Settings, report: Report
) -> AsyncGenerator[tuple[str, EmbeddedPostgres | None]]:
    """The address of a database that can be used meanwhile, and the embedded server if it is."""
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
    """Run in a thread, and wait for it even if cancelled: a start cannot be stopped half-way."""
    running = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
