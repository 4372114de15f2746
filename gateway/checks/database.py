"""The database and its schema, and the usage that waits to be counted."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.checks.finding import Finding, fail, ok, warn
from gateway.config import preflight, supabase_project
from gateway.config.settings import Settings

OUTBOX_FOLDER = "outbox"
SOON = timedelta(days=14)


async def store(loaded: Settings, report: Callable[[str], None]) -> Finding:
    from gateway.config.extras import ExtraError
    from gateway.database.opening import reach_database
    from gateway.embedded import EmbeddedError
    from gateway.stores import StoreUnavailable

    if loaded.store == "embedded" and not (loaded.data_dir / "postgres").exists():
        return warn("store", "there is no embedded database yet; `localllm up` creates it.")
    try:
        if loaded.store == "supabase":
            return await _project(loaded, report)
        async with reach_database(loaded, report) as (dsn, _):
            return await _schema(loaded, dsn)
    except (StoreUnavailable, ExtraError, EmbeddedError, preflight.NotReady) as problem:
        return fail("store", str(problem))


async def _project(loaded: Settings, report: Callable[[str], None]) -> Finding:
    from gateway.database.migrate import FUNCTIONS, lacking
    from gateway.database.opening import SchemaMissing, reach_project
    from gateway.stores import PUSH

    async with reach_project(loaded, report) as opened:
        await opened.check()  # makes the connection
        began = time.monotonic()
        missing = lacking(await opened.admin("applied_migrations", {}))
        took = (time.monotonic() - began) * 1000
    if missing and missing != [FUNCTIONS]:
        raise SchemaMissing(missing)
    text = f"Supabase project {loaded.supabase_url}, {took:.0f} ms away"
    if missing:
        return warn("store", f"{text}: its functions differ; {PUSH}")
    end = supabase_project.end_of(loaded.supabase_gateway_token)
    if end is not None and end - datetime.now(UTC) < SOON:
        return warn(
            "store",
            f"{text}: SUPABASE_GATEWAY_TOKEN expires on {end:%Y-%m-%d}; make a new one: "
            "localllm supabase role",
        )
    return ok("store", f"{text}, schema up to date")


async def _schema(loaded: Settings, dsn: str) -> Finding:
    from gateway.database.migrate import pending

    missing = await pending(dsn)
    if missing:
        lacks = f"{loaded.store}: the schema lacks {', '.join(missing)}"
        return warn("store", f"{lacks}; run: localllm db migrate")
    return ok("store", f"{loaded.store} Postgres, schema up to date")


def outbox(folder: Path) -> Finding:
    from gateway.proxy.outbox_file import left_in

    try:
        waiting, oldest = left_in(folder)
    except OSError as problem:
        return fail("outbox", f"{folder} cannot be read ({problem.strerror}): correct its mode.")
    if waiting:
        age = "" if oldest is None else f", the oldest since {oldest:%Y-%m-%d %H:%M} UTC"
        text = f"{waiting} requests are running or waiting to be counted{age}"
        return warn("outbox", f"{text}; a running gateway counts them.")
    return ok("outbox", "nothing is waiting to be counted")
