"""localllm_gateway, as which a gateway may work on Supabase: it serves calls and does nothing else.

The walk goes over the whole database, so that what a later version adds is closed until
sql/grants.sql names it.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from gateway.stores import functions
from gateway.stores.functions import ADMINISTRATION
from scripts import supabase_migrations
from tests.sql.test_supabase_migrations import push
from tests.support.postgres import ROLES, Server, execute
from tests.support.sql.ledger import Ledger

pytestmark = pytest.mark.anyio

ROLE = "localllm_gateway"
SERVING = [
    *("applied_migrations", "authorize_request", "create_visitor_token", "current_presets"),
    *("identify_key", "keep_house", "note_deliveries", "settle_requests", "sweep_holds"),
    *("usage_report", "visitor_issuers", "visitor_report", "watch_alerts"),
]
NOT_POSTGRES = "not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'"
MAY_EXECUTE = f"""
select distinct p.proname from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
where n.nspname {NOT_POSTGRES} and has_function_privilege('{ROLE}', p.oid, 'execute')
order by 1
"""
RELATIONS = f"""
select c.oid::regclass::text as name, c.relkind::text as kind
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname {NOT_POSTGRES} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
"""
COLUMNS = "select, insert, update, references"
TABLES = f"{COLUMNS}, delete, truncate, trigger"


async def test_it_may_execute_what_serves_calls_and_nothing_else(ledger: Ledger):
    assert [row[0] for row in await ledger.connection.fetch(MAY_EXECUTE)] == SERVING


async def test_the_gateway_knows_which_functions_of_administration_these_are():
    assert set(SERVING) & ADMINISTRATION.keys() == set(functions.SERVING)


async def test_it_may_touch_no_table_column_or_sequence(ledger: Ledger):
    relations = await ledger.connection.fetch(RELATIONS)
    assert len(relations) > 10
    for name, kind in relations:
        if kind == "S":
            sql = f"select has_sequence_privilege('{ROLE}', '{name}', 'usage, select, update')"
        else:
            sql = (
                f"select has_table_privilege('{ROLE}', '{name}', '{TABLES}')"
                f" or has_any_column_privilege('{ROLE}', '{name}', '{COLUMNS}')"
            )
        assert not await ledger.value(sql), name


async def test_it_may_create_nothing_and_become_nobody(ledger: Ledger):
    usable = await ledger.connection.fetch(
        f"select n.nspname, has_schema_privilege('{ROLE}', n.oid, 'create') from pg_namespace as n "
        f"where n.nspname {NOT_POSTGRES} and has_schema_privilege('{ROLE}', n.oid, 'usage, create')"
    )
    assert [tuple(row) for row in usable] == [("public", False)]
    assert not await ledger.value(
        f"select has_database_privilege('{ROLE}', current_database(), 'create')"
    )
    attributes = await ledger.connection.fetchrow(
        "select rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, "
        f"rolbypassrls from pg_roles where rolname = '{ROLE}'"
    )
    assert not any(attributes)
    belongs = f"select count(*) from pg_auth_members where member = '{ROLE}'::regrole"
    assert await ledger.value(belongs) == 0
    owned = f"select count(*) from pg_shdepend where refobjid = '{ROLE}'::regrole and deptype = 'o'"
    assert await ledger.value(owned) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "select * from gateway.api_keys",
        "delete from gateway.usage_logs",
        "select gateway.list_api_keys_at(now(), null, 1)",
        "select public.list_api_keys(null, 1)",
        "select public.export_data('keys', null, 1)",
        "create table public.mine (x integer)",
        "create function public.mine() returns integer language sql as 'select 1'",
        "create schema mine",
        "create role mine",
    ],
)
async def test_what_it_tries_beyond_that_is_refused(ledger: Ledger, statement: str):
    """As the Data API does it: logged in as authenticator."""
    await ledger.connection.execute("set session authorization authenticator")
    await ledger.connection.execute(f"set role {ROLE}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ledger.connection.execute(statement)


@pytest.fixture
def new_server() -> Iterator[Server]:
    """One that nobody has migrated a database of: roles belong to the whole server."""
    with tempfile.TemporaryDirectory(prefix="localllm-test-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        server = Server(root)
        server.start()
        try:
            yield server
        finally:
            server.stop()
            server.log.close()


async def test_db_push_makes_it_where_the_owner_may_make_roles_and_else_goes_on_without(
    new_server: Server,
):
    admin, files = new_server.dsn("postgres"), supabase_migrations.files()
    for name in ("one", "other", "third"):
        await execute(admin, f"create database {name}")
        await execute(new_server.dsn(name), ROLES.read_text("utf-8"))

    async def members(name: str) -> list[str]:
        connection = await asyncpg.connect(new_server.dsn(name))
        try:
            rows = await connection.fetch(
                "select m.member::regrole::text from pg_auth_members as m "
                "join pg_roles as r on r.oid = m.roleid "
                f"where r.rolname = '{ROLE}' and m.set_option"
            )
            return sorted(row[0] for row in rows)
        finally:
            await connection.close()

    def owned(name: str) -> str:
        return new_server.dsn(name).replace("postgres@", "project_owner@")

    await execute(admin, "alter role project_owner nocreaterole")
    await push(owned("one"), *files)
    assert await members("one") == []

    await execute(admin, "alter role project_owner createrole")
    await push(owned("other"), *files)
    assert await members("other") == ["authenticator"]

    await push(owned("third"), *files)  # it is there, and belongs to another database's owner
    connection = await asyncpg.connect(new_server.dsn("third"))
    assert [row[0] for row in await connection.fetch(MAY_EXECUTE)] == SERVING
    await connection.close()
