"""Make the files of supabase/migrations from sql/, so that `supabase db push` brings a project to
the same schema as `localllm db migrate` does.

A file brings what the files before it do not have, and replaces the functions and grants. It asks
the database what has been applied and records it there, as `gateway.database.migrate` does: each of
the two ways finds the database as the other has left it.

A released file is never changed, since projects have applied it; only the newest one is made
again, while nobody has it (`--again`).
"""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from gateway.database import migrate

FOLDER = Path(__file__).parent.parent / "supabase" / "migrations"
_STEP = re.compile(r"^-- step (\S+) ([0-9a-f]{64})$", re.MULTILINE)

_FILE = """\
-- Made from sql/ by scripts/make-migration: edited by nobody, made again by nobody once released.
-- It applies what the database lacks and records it, as `localllm db migrate` does.
{header}

do $migration$
begin
    perform pg_advisory_xact_lock({lock});
{books}
{steps}end;
$migration$;
"""
_SCHEMA = """
    if not exists (select 1 from gateway.migrations as m where m.version = '{name}') then
        execute $step$
{text}$step$;
        insert into gateway.migrations (version, checksum)
        values ('{name}', '{checksum}');
    end if;
"""
# A database that has a later step has later functions too.
_FUNCTIONS = """
    if not exists (
        select 1 from gateway.migrations as m
        where
            (m.version = '{name}' and m.checksum = '{checksum}')
            or (m.version <> '{name}' and m.version collate "C" > '{last}')
    ) then
        execute $step$
{text}$step$;
        insert into gateway.migrations (version, checksum)
        values ('{name}', '{checksum}')
        on conflict (version) do update set checksum = excluded.checksum, applied_at = now();
    end if;
"""


class CannotMake(Exception):
    """The text says what to do."""


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.sql"))


def recorded(made: list[Path]) -> dict[str, str]:
    """The steps that these files bring a database to: name and checksum, as their heads say."""
    return dict(pair for file in made for pair in _STEP.findall(file.read_text("utf-8")))


def render(before: dict[str, str], steps: dict[str, str]) -> str | None:
    """The file that brings a database from there to these steps; None if it is there."""
    missing = {
        name: text for name, text in steps.items() if before.get(name) != migrate.checksum(text)
    }
    for name in missing.keys() & before.keys() - {migrate.FUNCTIONS}:
        raise CannotMake(f"sql/schema/{name}.sql has changed since a migration was made of it.")
    if not missing:
        return None
    missing[migrate.FUNCTIONS] = steps[migrate.FUNCTIONS]
    last = max(name for name in steps if name != migrate.FUNCTIONS)
    body = ""
    for name, text in missing.items():
        if "$step$" in text or "$migration$" in text:
            raise CannotMake(f"{name} has a $step$ or $migration$ in it: quote it otherwise.")
        form = _FUNCTIONS if name == migrate.FUNCTIONS else _SCHEMA
        body += form.format(name=name, text=text, checksum=migrate.checksum(text), last=last)
    return _FILE.format(
        header="\n".join(
            f"-- step {name} {migrate.checksum(text)}" for name, text in missing.items()
        ),
        lock=migrate.LOCK,
        books=migrate.BOOKS.rstrip("\n"),
        steps=body,
    )


def is_up_to_date() -> bool:
    """Whether the newest file is what would be made now."""
    *older, newest = files()
    return render(recorded(older), migrate.steps()) == newest.read_text("utf-8")


def make(name: str) -> Path | None:
    """Write the next file; None if there is nothing to bring."""
    text = render(recorded(files()), migrate.steps())
    if text is None:
        return None
    file = FOLDER / f"{datetime.now(UTC):%Y%m%d%H%M%S}_{name}.sql"
    file.write_text(text, "utf-8", newline="\n")
    return file


def make_again() -> Path:
    """Write the newest file anew."""
    *older, newest = files()
    text = render(recorded(older), migrate.steps())
    if text is None:
        raise CannotMake(f"{newest.name} brings nothing any more: remove it.")
    newest.write_text(text, "utf-8", newline="\n")
    return newest


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/make-migration", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", help="of the next file, as in add_budgets")
    what.add_argument("--again", action="store_true", help="make the newest one again")
    what.add_argument("--check", action="store_true", help="fail if sql/ has moved on")
    asked = parser.parse_args()
    try:
        if asked.check:
            if not is_up_to_date():
                raise CannotMake("sql/ has moved on: run scripts/make-migration.")
            return 0
        made = make_again() if asked.again else make(asked.name)
    except CannotMake as problem:
        print(problem, file=sys.stderr)
        return 1
    print(made.relative_to(FOLDER.parent.parent) if made else "There is nothing to make.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
