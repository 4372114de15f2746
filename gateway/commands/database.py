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
    "visitor_daily": "days of visitors",
    "logs": "requests",
    "presets": "presets",
    "preset_versions": "versions of presets",
}

_DIFFERENT = {  # columns whose names say too little; the prefix changes with the key
    "key_hash": "rotated",
    "prefix": "",
    "is_active": "revoked",
    "revoked_at": "revoked",
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
    importing a file again changes nothing. Keys that differ from the file are named. What the file
    has of requests that are missing here is added to the usage.
    """
    import msgspec

    from gateway.admin import transfer

    with tempfile.TemporaryFile() as rows:  # without a name, so nobody else can open it
        with export_file.read(file) as source:
            try:
                transfer.check(source, rows)
            except transfer.TransferError as problem:
                raise Failed(f"{file}, {problem}") from None
        with _shown("Importing") as report:
            loaded = with_store(lambda store, _: transfer.load(store, rows, report))
    if as_json:
        kinds = {
            kind: {"imported": loaded.imported[kind], "present": loaded.present[kind]}
            for kind in transfer.KINDS
        }
        print_json({**kinds, "different_keys": msgspec.to_builtins(loaded.different)})
        return
    lines = [
        [_NOUNS[kind], number(loaded.imported[kind]), number(loaded.present[kind])]
        for kind in transfer.KINDS
    ]
    print_table(["", ">imported", ">existed"], lines)
    click.echo("No key has changed: callers can keep using theirs.")
    if loaded.different:
        click.echo("These keys differ from the file, and were left as they are here:")
        print_table(
            ["key", "label", "what differs"],
            [[key.prefix, key.label, _told(key.fields)] for key in loaded.different],
        )


def _told(columns: list[str]) -> str:
    """The columns in which a key differs, for people."""
    names = (_DIFFERENT.get(column, column.replace("_", " ")) for column in columns)
    return ", ".join(name for name in dict.fromkeys(names) if name)


@contextmanager
def _shown(doing: str, hidden: bool = False) -> Generator[Callable[[str, int], None]]:
    """Show the progress in a terminal; the report takes a kind of row and how many are done."""
    from rich.console import Console

    with Console(stderr=True, quiet=hidden).status(
        f"{doing} (no gateway should be running)"
    ) as status:
        yield lambda kind, count: status.update(f"{doing} {_NOUNS[kind]}: {number(count)}")
