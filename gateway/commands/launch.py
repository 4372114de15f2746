"""What `up` does, in order: check, open the store, find a model, serve, print the banner."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import server
from gateway.admin import keys
from gateway.backends.pool import BackendPool
from gateway.commands.banner import print_banner
from gateway.commands.before_start import check_before_start
from gateway.commands.model_source import ModelSource
from gateway.commands.output import accepted
from gateway.commands.running import Failed, Signals
from gateway.config import secret_files
from gateway.config.secret_files import ADMIN_SECRET_FILE
from gateway.config.settings import Settings
from gateway.database.opening import open_store
from gateway.database.supervision import supervised
from gateway.stores import SecretKeyNeeded, Store, StoreUnavailable

if TYPE_CHECKING:
    from gateway.commands.tunnel_front import TunnelFront

FIRST_KEY_LABEL = "first key"
TUNNEL_PATIENCE = 20.0  # seconds for which the banner waits for the public address


async def launch(settings: Settings, signals: Signals, *, demo: bool, tunnel: bool) -> None:
    """Run until Ctrl-C or SIGTERM, then stop everything that was started here."""
    await check_before_start(settings)
    secret_file = None
    if settings.manages_keys and not settings.admin_secret:
        secret_file = settings.data_dir / ADMIN_SECRET_FILE
        kept = secret_files.read_or_make(secret_file, secret_files.new_secret)
        settings = replace(settings, admin_secret=kept)
    pool = BackendPool(settings)
    async with (
        await _front(settings, tunnel) as front,
        open_store(settings, say) as opened,
        supervised(opened.postgres),
        ModelSource(settings, pool, say, demo=demo) as source,
    ):
        telling: list[asyncio.Task[None]] = []

        def ready() -> None:
            signals.leave_to_server()
            if opened.problem:
                say(opened.problem)
            if front:
                front.open()
            told = _tell(settings, opened.store, source, front, secret_file)
            telling.append(asyncio.create_task(told))

        await server.serve(settings, opened.store, pool, ready=ready, front=front)
        await asyncio.gather(*telling)


async def _front(settings: Settings, tunnel: bool) -> "TunnelFront | contextlib.nullcontext[None]":
    if not tunnel:
        return contextlib.nullcontext()
    from gateway.commands.tunnel_front import TunnelFront

    return await TunnelFront.prepared(settings)


async def _tell(
    settings: Settings,
    store: Store,
    source: ModelSource,
    front: "TunnelFront | None",
    secret_file: Path | None = None,
) -> None:
    """Print the banner. The first key is created only now, when it is certain to be shown."""
    try:
        key = await _first_key(settings, store)
    except SecretKeyNeeded as problem:
        say(f"No key was looked for or created: {problem}")
        key = None
    except (Failed, StoreUnavailable) as problem:
        say(f"The first key could not be created: {problem} Try: localllm keys create NAME")
        key = None
    if front is None:
        print_banner(settings, key, source.model, source.note, secret_file=secret_file)
        return
    say("Opening the tunnel.")
    public = await front.url(TUNNEL_PATIENCE)
    trial = front.kind == "quick"
    about = key, source.model, source.note, public
    print_banner(settings, *about, trial=trial, secret_file=secret_file)
    if public is None and front.is_trying:
        problem = f"{front.problem} " if front.problem else ""
        say(f"The tunnel is not open yet. {problem}Its address will be printed here.")
        if late := await front.url():
            click.echo(f"The tunnel is open: {late}")


async def _first_key(settings: Settings, store: Store) -> str | None:
    """Create a key if there is none, and return it in plain; the store gets only its hash."""
    if accepted(await keys.list_keys(store, limit=1))["data"]:
        return None
    request = keys.CreateKey(label=FIRST_KEY_LABEL)
    return accepted(await keys.create_key(store, settings, request))["key"]


def say(text: str) -> None:
    """Print a step to stderr; stdout is for the banner."""
    click.echo(text, err=True)
