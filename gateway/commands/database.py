"""`localllm db`: the schema of the database."""

import click

from gateway.commands.output import json_option, print_json
from gateway.commands.running import with_store


@click.group()
def db() -> None:
    """Care for the database."""


@db.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the schema up to date. Safe to run twice, and from two machines at once."""
    from gateway.settings import Settings
    from gateway.stores import Store

    async def check(store: Store, settings: Settings) -> str:
        await store.check()  # opening the store has migrated it
        return settings.store

    store = with_store(check)
    if as_json:
        print_json({"store": store, "migrated": True})
    else:
        click.echo(f"The schema is up to date ({store} store).")
