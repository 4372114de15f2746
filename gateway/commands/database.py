"""`localllm db`: the schema of the database."""

import click

from gateway.commands.output import json_option, print_json
from gateway.commands.running import progress, run
from gateway.settings import load


@click.group()
def db() -> None:
    """Care for the database."""


@db.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the schema up to date. Safe to run twice, and from two machines at once."""
    from gateway.opening import open_store

    settings = load()

    async def migrated() -> list[str]:
        async with open_store(settings, progress) as opened:
            await opened.store.check()
            return opened.applied

    applied = run(migrated())
    if as_json:
        print_json({"store": settings.store, "applied": applied})
    elif applied:
        click.echo(f"Applied to the {settings.store} store: {', '.join(applied)}.")
    else:
        click.echo(f"The schema of the {settings.store} store was up to date.")
