"""supabase/migrations: the same schema as `localllm db migrate`, by whichever way one comes."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from gateway.core.keys import display_prefix, hash_key, is_well_formed
from gateway.database import migrate as gateway_migrate
from gateway.database.migrate import migrate, pending
from scripts import supabase_migrations as module
from tests.support.postgres import ROLES, Server, _fresh, execute
from tests.support.sql.ledger import DAY, NOON, Ledger, new_hash, settlement
from tests.support.sql.schema_snapshot import contents, snapshot

pytestmark = pytest.mark.anyio

NewProject = Callable[[], Awaitable[str]]
FILES = module.files()
SEED = module.FOLDER.parent / "seed.sql"


async def push(dsn: str, *files: Path) -> None:
    """Apply these files in order, each in a transaction, as the CLI does."""
    for file in files:
        await execute(dsn, file.read_text("utf-8"))


@pytest.fixture
async def new_project(postgres: Server) -> AsyncIterator[NewProject]:
    """Makes an empty database with Supabase's roles; the address is that of its owner, who is no
    superuser."""
    opened = []

    async def make() -> str:
        opened.append(_fresh(postgres, "template0"))
        dsn = await opened[-1].__aenter__()
        await execute(dsn, ROLES.read_text("utf-8"))
        return dsn.replace("postgres@", "project_owner@")

    yield make
    for database in opened:
        await database.__aexit__(None, None, None)


async def of(dsn: str, what=snapshot) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        return await what(connection)
    finally:
        await connection.close()


def test_the_files_are_up_to_date_with_the_sql():
    assert module.is_up_to_date(), "run scripts/make-migration (--again, if it is unreleased)"


async def test_pushed_and_migrated_databases_have_the_same_schema(new_project: NewProject):
    pushed, migrated = await new_project(), await new_project()
    await push(pushed, *FILES)
    await migrate(migrated)
    one, other = await of(pushed), await of(migrated)
    for what in one:
        assert one[what] == other[what], what
    assert len(one["functions"]) > 50 and len(one["indexes"]) > 10  # it was really read
    assert any("service_role=X/project_owner" in line for line in one["functions"])


async def test_each_way_finds_the_other_one_s_work_and_changes_nothing(new_project: NewProject):
    pushed, migrated, mixed = await new_project(), await new_project(), await new_project()
    await push(pushed, *FILES)
    assert await pending(pushed) == [] == await migrate(pushed)

    await migrate(migrated)
    before = await of(migrated)
    await push(migrated, *FILES)
    assert await of(migrated) == before

    await push(mixed, FILES[0])
    assert await migrate(mixed) != []
    await push(mixed, *FILES[1:])
    assert await of(mixed) == before == await of(pushed)


async def test_pushed_twice_they_change_nothing(new_project: NewProject):
    project = await new_project()
    await push(project, *FILES)
    before = await of(project)
    await push(project, *FILES, *FILES)
    assert (await of(project))["steps"] == before["steps"]
    assert await of(project) == before


async def test_old_files_put_no_old_functions_into_a_newer_database(new_project: NewProject):
    project = await new_project()
    await push(project, *FILES)
    await execute(project, "insert into gateway.migrations values ('0099_future', 'x')")
    before = await of(project)
    for file in FILES:
        await push(project, file)
        assert await of(project) == before


# The window is counted in other steps since, and nothing is written only to be given back.
_CHANGED = {"bucket", "window_counts", "window_calls", "last_granted", "last_charged"}


def _without_changed(counter: str) -> dict[str, Any]:
    fields = json.loads(counter)
    return {name: fields[name] for name in fields.keys() - _CHANGED}


def _without_salt(key: str) -> str:
    """Each key gets one, which nothing was made of yet."""
    return json.dumps(json.loads(key) | {"visitor_salt": ""}, sort_keys=True)


async def test_a_project_with_data_is_brought_up_to_date_and_nothing_is_lost(
    new_project: NewProject,
):
    project = await new_project()
    await push(project, FILES[0])
    connection = await asyncpg.connect(project)
    ledger = Ledger(connection)
    keys = [await ledger.key(limit=10_000, models=["a-model"]) for _ in range(3)]
    fresh = new_hash()
    await ledger.admin("rotate_api_key", NOON, keys[0].id, fresh, "llm_next", 3600)
    await ledger.admin("revoke_api_key", NOON, keys[2].id)
    for _ in range(5):
        await ledger.settle(settlement(await ledger.hold(keys[0]), 3, 4))
    await ledger.value("select gateway.ensure_partitions_at($1)", NOON + 40 * DAY)
    in_flight = [await ledger.hold(key, prompt=5, output=6) for key in keys[:2] * 2]
    await ledger.settle(settlement(await ledger.hold(keys[1], NOON + 40 * DAY), 1, 1))
    calls = "select sum(n) from gateway.key_counters, unnest(window_counts) as w (n)"
    called = await ledger.value(calls)
    before = await contents(connection)
    assert all(before[table] for table in before), "a table without rows shows nothing"

    await push(project, *FILES[1:])

    after = await contents(connection)
    for told in (before, after):
        counters = map(_without_changed, told["key_counters"])
        told["key_counters"] = sorted(json.dumps(row, sort_keys=True) for row in counters)
        told["api_keys"] = sorted(map(_without_salt, told["api_keys"]))
    assert {table: after[table] for table in before} == before
    assert await ledger.value(calls) == called > 0
    settled = [settlement(request, 1, 1) for request in in_flight]
    assert await ledger.settle(*settled) == (4, 0)
    assert await ledger.settle(*settled) == (0, 4)
    assert await ledger.month(keys[0]) == (5 * 7 + 4, 0, 7)
    assert (await ledger.authorize(fresh)).allowed
    assert (await ledger.authorize(keys[0].hash, NOON)).allowed  # its grace goes on
    await connection.close()


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A folder and steps that a test may change; one file has been made of them."""
    steps = {"0001_first": "select 1;\n", "functions": "select 2;\n"}
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(gateway_migrate, "steps", lambda: steps)
    assert module.make("first")
    return steps


def test_a_new_file_has_what_the_older_ones_lack_and_all_functions(own_files: dict[str, str]):
    assert module.make("again") is None and module.is_up_to_date()
    own_files["0002_second"] = "select 3;\n"
    assert not module.is_up_to_date()
    made = module.make("second")
    assert made and module.is_up_to_date()
    checksum = hashlib.sha256(b"select 3;\n").hexdigest()
    assert list(module.recorded([made])) == ["0002_second", "functions"]
    assert module.recorded([made])["0002_second"] == checksum
    assert "select 1;" not in made.read_text() and "select 2;" in made.read_text()


def test_the_newest_file_is_made_again_and_the_older_ones_stay(
    own_files: dict[str, str], tmp_path: Path
):
    (first,) = module.files()
    (tmp_path / "29990101000000_second.sql").write_text("")
    own_files["functions"] = "select 4;\n"
    before = first.read_text()
    assert module.make_again().name == "29990101000000_second.sql"
    assert module.is_up_to_date() and first.read_text() == before


def test_an_edited_file_is_found(own_files: dict[str, str]):
    (file,) = module.files()
    file.write_text(file.read_text().replace("select 2", "select 22"))
    assert not module.is_up_to_date()


def test_what_cannot_be_put_into_a_file_is_named(own_files: dict[str, str]):
    own_files["0001_first"] = "select 5;\n"
    with pytest.raises(module.CannotMake, match=r"0001_first\.sql has changed"):
        module.make("x")
    own_files["0001_first"] = "select 1;\n"
    own_files["functions"] = "do $step$ begin end $step$;"
    with pytest.raises(module.CannotMake, match="quote it otherwise"):
        module.make("x")


SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"


async def seed(dsn: str, secret: str | None) -> Ledger:
    connection = await asyncpg.connect(dsn)
    if secret is not None:
        await connection.execute(f"set app.settings.jwt_secret = '{secret}'")
    for _ in range(2):
        await connection.execute(SEED.read_text("utf-8"))
    return Ledger(connection)


async def test_the_seed_makes_one_key_on_the_cli_s_own_stack(new_project: NewProject):
    project = await new_project()
    await push(project, *FILES)
    ledger = await seed(project, SECRET)
    key = next(word for word in SEED.read_text().split() if is_well_formed(word))
    assert await ledger.value("select count(*) from gateway.api_keys") == 1
    assert (await ledger.authorize(hash_key(key), request=uuid4())).allowed
    prefix = await ledger.value("select prefix from gateway.api_keys")
    assert prefix == display_prefix(key)
    await ledger.connection.close()


async def test_the_seed_does_nothing_on_a_real_project(database: str):
    for secret in (None, "", SECRET[:-1], "the-secret-of-a-project-that-somebody-has"):
        ledger = await seed(database, secret)
        assert await ledger.value("select count(*) from gateway.api_keys") == 0
        await ledger.connection.close()
