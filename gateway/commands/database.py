"""`localllm db`: migrate the schema of a database, and move data between databases."""

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
    """Migrate, export and import the database."""


@db.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the schema up to date. Safe to run again, and from two machines at once."""
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
        click.echo(f"The schema of the {settings.store} store is up to date.")


@db.command("export")
@click.argument("file", default=export_file.STREAM)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def export_data(file: str, force: bool) -> None:
    """Write keys, counters and usage to FILE, or to standard output.

    Stop the gateways first: requests they count during the export may be missing.

    FILE contains no plain keys, but key hashes and e-mail addresses. Only you can read it.
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
    """Read an export from FILE, or from standard input.

    Stop the gateways first, because counters move. Keys do not change: callers keep using theirs.

    The whole file is checked before anything is imported. Existing rows are left as they are, so
    importing a file again changes nothing.
    """
    from gateway.admin import transfer

    with tempfile.TemporaryFile() as rows:  # without a name, so nobody else can open it
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
    print_table(["", ">imported", ">existed"], lines)
    click.echo("No key has changed: callers can keep using theirs.")


@contextmanager
def _shown(doing: str, hidden: bool = False) -> Generator[Callable[[str, int], None]]:
    """Show the progress in a terminal; the report takes a kind of row and how many are done."""
    from rich.console import Console

    with Console(stderr=True, quiet=hidden).status(
        f"{doing} (no gateway should be running)"
    ) as status:
        yield lambda kind, count: status.update(f"{doing} {_NOUNS[kind]}: {number(count)}")
