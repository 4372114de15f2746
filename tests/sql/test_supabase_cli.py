"""The Supabase CLI itself: what an owner types brings a project to our schema, and again.

It talks to the test's Postgres through a port on loopback. Every way to the network leads to a
closed port, so that a command that wanted one would fail.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.database.migrate import migrate, pending
from scripts import supabase_migrations
from tests.sql.test_supabase_migrations import of, push
from tests.support.node import search_path
from tests.support.postgres import ROLES, execute
from tests.support.router import routed
from tests.support.sql.npm_programs import node_modules
from tests.support.sql.schema_snapshot import contents, snapshot

pytestmark = pytest.mark.anyio

NOWHERE = "http://127.0.0.1:9"
PATIENCE = 300.0  # seconds for a command, which takes three where nobody else is at work
FILES = [file.name for file in supabase_migrations.files()]
VERSIONS = [name.partition("_")[0] for name in FILES]


class Said(NamedTuple):
    code: int
    out: str
    errors: str


class Project(NamedTuple):
    dsn: str  # over the socket, as the owner
    folder: Path  # with supabase/ in it
    call: Callable[..., Awaitable[Said]]  # the CLI with these arguments


@pytest.fixture
async def project(empty_database: str, tmp_path: Path) -> AsyncIterator[Project]:
    cli = node_modules() / ".bin" / "supabase"
    shutil.copytree(supabase_migrations.FOLDER.parent, tmp_path / "supabase")
    await execute(empty_database, ROLES.read_text("utf-8"))
    async with routed(empty_database) as (_, address):
        remote = "--remote=" + address.replace("postgres@", "project_owner:any@")

        async def call(*arguments: str) -> Said:
            process = await asyncio.create_subprocess_exec(
                str(cli),
                *arguments,
                remote,
                "--yes",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=tmp_path,
                env={
                    "PATH": search_path(),
                    "HOME": str(tmp_path),
                    "DO_NOT_TRACK": "1",
                    "SUPABASE_TELEMETRY_DISABLED": "1",
                    "SUPABASE_NO_UPDATE_NOTIFIER": "1",
                    "HTTP_PROXY": NOWHERE,
                    "HTTPS_PROXY": NOWHERE,
                },
            )
            out, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
            return Said(process.returncode or 0, out.decode(), errors.decode())

        owner = empty_database.replace("postgres@", "project_owner@")
        yield Project(owner, tmp_path, call)


async def test_db_push_brings_everything_once_and_migration_list_shows_it(project: Project):
    said = await project.call("db", "push")
    assert said.code == 0, said
    assert all(f"Applying migration {name}" in said.errors + said.out for name in FILES)
    assert await pending(project.dsn) == []

    again = await project.call("db", "push")
    assert again.code == 0 and "up to date" in again.out + again.errors, again

    listed = await project.call("migration", "list")
    rows = [line.split("|") for line in listed.out.splitlines() if "`" in line]
    assert [(row[0].strip(" `"), row[1].strip(" `")) for row in rows] == [
        (version, version) for version in VERSIONS
    ]


async def test_db_push_gives_the_schema_that_the_files_give(project: Project):
    assert (await project.call("db", "push")).code == 0
    pushed = await of(project.dsn, snapshot)
    await push(project.dsn, *supabase_migrations.files())
    assert await of(project.dsn, snapshot) == pushed
    assert len(pushed["functions"]) > 50


async def test_db_push_to_a_database_that_localllm_migrated_changes_nothing(project: Project):
    await migrate(project.dsn)
    before = await of(project.dsn, snapshot)
    assert (await project.call("db", "push")).code == 0
    assert await of(project.dsn, snapshot) == before


async def test_db_push_brings_an_older_project_what_it_lacks(project: Project):
    later = project.folder / "supabase" / "migrations" / FILES[-1]
    text = later.read_text()
    later.unlink()
    assert (await project.call("db", "push")).code == 0
    assert await pending(project.dsn) != []
    later.write_text(text)
    said = await project.call("db", "push")
    assert FILES[0] not in said.out + said.errors and FILES[-1] in said.out + said.errors
    assert await pending(project.dsn) == []


async def test_the_seed_pushed_to_a_project_makes_no_key(project: Project):
    said = await project.call("db", "push", "--include-seed")
    assert said.code == 0 and "seed.sql" in said.out + said.errors, said
    assert (await of(project.dsn, contents))["api_keys"] == []


async def test_the_advisors_find_no_error_and_nothing_about_what_is_exposed(project: Project):
    assert (await project.call("db", "push")).code == 0
    said = await project.call(
        "db", "advisors", "--type=all", "--level=warn", "--fail-on=none", "--output-format=text"
    )
    found = json.loads(said.out[said.out.index("[") :])
    assert {advice["metadata"]["schema"] for advice in found} <= {"gateway"}
    # Inner functions have the caller's, which is empty: a setting of their own would keep Postgres
    # from inlining them. Nobody else can call them: see test_catalogue.
    assert {(advice["name"], advice["level"]) for advice in found} <= {
        ("function_search_path_mutable", "WARN")
    }


async def test_the_settings_are_ones_that_the_cli_knows(project: Project):
    complaint = "does not recognize"
    said = await project.call("db", "push", "--dry-run")
    assert said.code == 0 and complaint not in said.out + said.errors, said
    config = project.folder / "supabase" / "config.toml"
    config.write_text(config.read_text().replace("[api]", "[api]\nno_such_option = 1"))
    said = await project.call("db", "push", "--dry-run")
    assert complaint in said.out + said.errors, said
