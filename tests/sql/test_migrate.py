"""migrate: forward only, all or nothing, safe to repeat and to run from two machines at once."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from gateway.database import migrate as module
from gateway.database.migrate import DatabaseTooNew, SchemaChanged, folder, migrate, pending
from gateway.stores import StoreUnavailable
from tests.support.postgres import Server, execute
from tests.support.sql.ledger import open_ledger, settlement

pytestmark = pytest.mark.anyio

EVERYTHING = [
    *("0001_keys", "0002_usage", "0003_types", "0004_admin_failures", "0005_lanes"),
    *("0006_usage_range", "0007_allowance", "0008_clocks", "0009_visitors", "0010_presets"),
    "0011_request_log",
    "0012_alerts",
    "0013_quicker_decisions",
    "functions",
]


@pytest.fixture
def own_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the SQL that a test may change."""
    copy = tmp_path / "sql"
    shutil.copytree(folder(), copy)
    monkeypatch.setattr(module, "folder", lambda: copy)
    return copy


async def value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_an_empty_database_gets_everything_once(empty_database: str):
    assert await pending(empty_database) == EVERYTHING
    assert await migrate(empty_database) == EVERYTHING
    assert await migrate(empty_database) == []
    assert await pending(empty_database) == []


async def test_many_at_once_apply_it_once(empty_database: str):
    results = await asyncio.gather(*(migrate(empty_database) for _ in range(6)))
    assert sorted(results) == [[]] * 5 + [EVERYTHING]


async def test_a_changed_function_is_replaced_and_the_data_stays(database: str, own_sql: Path):
    ledger = await open_ledger(database)
    key = await ledger.key()
    file = own_sql / "helpers" / "keys" / "revoke_api_key_at.sql"
    file.write_text(file.read_text().replace("coalesce(k.revoked_at, p_now)", "'-infinity'"))
    assert await migrate(database) == ["functions"]
    assert await migrate(database) == []
    revoked = await value(database, f"select public.revoke_api_key('{key.id}')")
    assert "infinity" in str(await value(database, "select revoked_at::text from gateway.api_keys"))
    assert '"is_active": false' in str(revoked)
    await ledger.connection.close()


async def test_functions_are_replaced_while_requests_are_being_decided(
    database: str, own_sql: Path
):
    ledger = await open_ledger(database)
    key = await ledger.key()
    file = own_sql / "functions" / "revoke_api_key.sql"
    file.write_text(file.read_text() + "-- an afterthought\n")
    async with ledger.connection.transaction():  # which keeps its locks until it ends
        request = await ledger.hold(key)
        assert await ledger.settle(settlement(request, 1, 1)) == (1, 0)
        assert await migrate(database) == ["functions"]
    await ledger.connection.close()


async def test_a_new_file_is_applied_and_its_table_is_closed(database: str, own_sql: Path):
    (own_sql / "schema" / "0099_more.sql").write_text("create table gateway.more (n integer);")
    assert await migrate(database) == ["0099_more", "functions"]
    secured = "select relrowsecurity from pg_class where oid = 'gateway.more'::regclass"
    assert await value(database, secured) is True


async def test_a_file_that_fails_leaves_nothing_behind(database: str, own_sql: Path):
    (own_sql / "schema" / "0098_good.sql").write_text("create table gateway.good (n integer);")
    (own_sql / "schema" / "0099_bad.sql").write_text("create table gateway.bad (n no_type);")
    with pytest.raises(StoreUnavailable, match="no_type"):
        await migrate(database)
    assert await value(database, "select to_regclass('gateway.good')") is None
    assert await pending(database) == ["0098_good", "0099_bad", "functions"]


async def test_a_database_of_a_newer_version_is_left_alone(database: str, own_sql: Path):
    newer = own_sql / "schema" / "0099_future.sql"
    newer.write_text("select 1;")
    await migrate(database)
    newer.unlink()
    for ask in (migrate, pending):
        with pytest.raises(DatabaseTooNew, match=r"0099_future.*update localllm"):
            await ask(database)


async def test_a_schema_file_changed_after_it_was_applied_is_named(database: str, own_sql: Path):
    file = own_sql / "schema" / "0002_usage.sql"
    file.write_text(file.read_text() + "-- an afterthought\n")
    with pytest.raises(SchemaChanged, match=r"0002_usage\.sql was changed"):
        await migrate(database)


async def test_line_endings_of_a_windows_checkout_do_not_count_as_a_change(
    database: str, own_sql: Path
):
    for file in own_sql.rglob("*.sql"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert await migrate(database) == []


async def test_an_unreachable_database_is_one_line_that_says_so(tmp_path: Path):
    with pytest.raises(StoreUnavailable, match=r"cannot be reached.*is it running\?") as caught:
        await migrate(f"postgresql://nobody@/nothing?host={tmp_path}")
    assert "\n" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_named(postgres: Server):
    with pytest.raises(StoreUnavailable, match=r'"nothing" does not exist.*createdb'):
        await migrate(postgres.dsn("nothing"))


async def test_a_role_without_rights_is_told_what_it_lacks(postgres: Server, empty_database: str):
    await execute(postgres.dsn("postgres"), "create role visitor login")
    try:
        with pytest.raises(StoreUnavailable, match=r"permission denied for database.*role"):
            await migrate(empty_database.replace("postgres@", "visitor@"))
    finally:
        await execute(postgres.dsn("postgres"), "drop role visitor")
