"""`localllm db`: the schema of the database, and its data out of one and into another."""

import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click

from gateway.commands import export_file
from gateway.commands.output import json_option, number, print_json, print_table
from gateway.commands.running import Failed, progress, run, with_store
from gateway.config.settings import load

_NOUNS = {
    "keys": "keys",
    "retired_keys": "rotated keys",
    "counters": "counters",
    "daily": "days of usage",
    "logs": "requests",
}


@click.group()
def db() -> None:
    """Care for the database."""


@db.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the schema up to date. Safe to run twice, and from two machines at once."""
    from gateway.database.opening import open_store

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


@db.command("export")
@click.argument("file", default=export_file.STREAM)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def export_data(file: str, force: bool) -> None:
    """Write keys, counters and usage to FILE, or to standard output.

    Stop the gateways before: what they count meanwhile may be missing.

    No plain key is in it, but the hashes of keys and e-mail addresses are: only you can read FILE.
    """
    from gateway.admin import transfer

    on_screen = file == export_file.STREAM and sys.stdout.isatty()
    with export_file.written(file, force) as target, _shown("Exporting", on_screen) as report:
        counts = with_store(lambda store, _: transfer.export(store, target, report))
    told = ", ".join(f"{noun} {number(counts[kind])}" for kind, noun in _NOUNS.items())
    click.echo(f"Exported: {told}.", err=True)


@db.command("import")
@click.argument("file", default=export_file.STREAM)
@json_option
def import_data(file: str, as_json: bool) -> None:
    """Read what `export` wrote from FILE, or from standard input.

    Stop the gateways before: counters move. No key changes, so callers go on with those they have.

    All of it is checked before any of it is imported. What is there already stays as it is, so a
    second import changes nothing.
    """
    from gateway.admin import transfer

    with tempfile.TemporaryFile() as rows:  # it has no name, and nobody else can read it
        with export_file.read(file) as source:
            try:
                transfer.check(source, rows)
            except transfer.TransferError as problem:
                raise Failed(f"{file}, {problem}") from None
        with _shown("Importing") as report:
            totals = with_store(lambda store, _: transfer.load(store, rows, report))
    if as_json:
        print_json({kind: {"imported": n, "present": m} for kind, (n, m) in totals.items()})
        return
    lines = [[_NOUNS[kind], number(n), number(m)] for kind, (n, m) in totals.items()]
    print_table(["", ">imported", ">there already"], lines)
    click.echo("No key has changed: callers go on with those they have.")


@contextmanager
def _shown(doing: str, hidden: bool = False) -> Generator[Callable[[str, int], None]]:
    """Tells a person who looks on how far it is."""
    from rich.console import Console

    with Console(stderr=True, quiet=hidden).status(
        f"{doing}; gateways should be stopped meanwhile"
    ) as status:
        yield lambda kind, count: status.update(f"{doing} {_NOUNS[kind]}: {number(count)}")
