"""What no linter sees: where a function stands, search paths, rights and row security."""

from pathlib import Path

import asyncpg
import pytest

from gateway.database.migrate import folder
from tests.support.sql.ledger import Ledger, new_hash

pytestmark = pytest.mark.anyio

OURS = "p.pronamespace in ('public'::regnamespace, 'gateway'::regnamespace)"
FUNCTIONS = [file.stem for file in sorted(Path(folder(), "functions").glob("*.sql"))]


async def names(ledger: Ledger, sql: str, *arguments: object) -> list[str]:
    return [row[0] for row in await ledger.connection.fetch(sql, *arguments)]


@pytest.mark.parametrize(("where", "schema"), [("functions", "public"), ("helpers", "gateway")])
async def test_every_file_makes_one_function_and_has_its_name(
    ledger: Ledger, where: str, schema: str
):
    just_made = (
        "select distinct p.pronamespace::regnamespace || '.' || p.proname from pg_proc as p "
        "where p.xmin = pg_current_xact_id()::xid"
    )
    files = list(Path(folder(), where).rglob("*.sql"))
    assert files
    for file in files:
        async with ledger.connection.transaction():
            await ledger.connection.execute(file.read_text("utf-8"))
            assert await names(ledger, just_made) == [f"{schema}.{file.stem}"], file


async def test_the_public_functions_are_those_of_the_folder_and_nothing_else(ledger: Ledger):
    public = "select distinct proname from pg_proc where pronamespace = 'public'::regnamespace"
    assert sorted(await names(ledger, public)) == FUNCTIONS
    others = "select relname from pg_class where relnamespace = 'public'::regnamespace"
    assert await names(ledger, others) == []


async def test_every_public_function_runs_as_its_owner_with_an_empty_search_path(ledger: Ledger):
    safe = await names(
        ledger,
        "select proname from pg_proc where pronamespace = 'public'::regnamespace "
        "group by 1 having bool_and(prosecdef and 'search_path=\"\"' = any(proconfig)) order by 1",
    )
    assert safe == FUNCTIONS


async def test_no_inner_function_runs_as_its_owner(ledger: Ledger):
    inner = "select proname from pg_proc where pronamespace = 'gateway'::regnamespace and prosecdef"
    assert await names(ledger, inner) == []


async def test_a_role_that_was_given_nothing_may_do_nothing(ledger: Ledger):
    await ledger.connection.execute("create role somebody")
    try:
        allowed = f"select proname from pg_proc as p where {OURS} "
        allowed += "and has_function_privilege('somebody', p.oid, 'execute')"
        assert await names(ledger, allowed) == []
        usage = "select has_schema_privilege('somebody', 'gateway', 'usage')"
        assert not await ledger.value(usage)
    finally:
        await ledger.connection.execute("drop role somebody")


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_supabase_visitors_may_execute_and_read_nothing(ledger: Ledger, role: str):
    allowed = f"select p.oid::regprocedure::text from pg_proc as p where {OURS} "
    allowed += "and has_function_privilege($1, p.oid, 'execute')"
    assert await names(ledger, allowed, role) == []
    readable = (
        "select relname from pg_class where relnamespace = 'gateway'::regnamespace and relkind in "
        "('r', 'p') and has_table_privilege($1, oid, 'select, insert, update, delete, truncate')"
    )
    assert await names(ledger, readable, role) == []
    assert not await ledger.value("select has_schema_privilege($1, 'gateway', 'usage')", role)


async def test_the_service_may_execute_the_public_functions_and_nothing_within(ledger: Ledger):
    may = (
        "select proname from pg_proc where pronamespace = $1::regnamespace group by 1 "
        "having bool_and(has_function_privilege('service_role', oid, 'execute')) order by 1"
    )
    assert await names(ledger, may, "public") == FUNCTIONS
    assert not await ledger.value("select has_schema_privilege('service_role', 'gateway', 'usage')")


async def test_the_service_can_really_call_them(ledger: Ledger):
    await ledger.connection.execute("set role service_role")
    key_hash = new_hash()
    made = await ledger.value(
        "select public.create_api_key(p_key_hash => $1, p_prefix => 'p', p_label => 'l', "
        "p_owner_email => null, p_rate_limit_per_min => 5, p_monthly_token_limit => 100, "
        "p_allowed_models => null, p_allowed_origins => null, p_scopes => null, "
        "p_expires_at => null)",
        key_hash,
    )
    assert '"label": "l"' in made
    row = await ledger.connection.fetchrow(
        "select * from public.authorize_request(p_request_id => gen_random_uuid(), "
        "p_key_hash => $1, p_scope => 'chat', p_origin => null, p_model => 'm', "
        "p_endpoint => '/', p_prompt_bound => 5, p_max_output => 5, p_ttl_seconds => 900)",
        key_hash,
    )
    assert row["allowed"]
    swept = await ledger.connection.fetchrow(
        "select * from public.sweep_holds(p_live => '{}', p_ttl_seconds => 900)"
    )
    assert tuple(swept) == (0, 0, 0)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ledger.value("select count(*) from gateway.api_keys")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ledger.authorize(key_hash)


async def test_every_table_has_row_security_and_no_policy(ledger: Ledger):
    await ledger.value("select gateway.ensure_partitions_at('2040-05-05')")
    open_tables = (
        "select relname from pg_class where relnamespace = 'gateway'::regnamespace "
        "and relkind in ('r', 'p') and not relrowsecurity"
    )
    assert await names(ledger, open_tables) == []
    assert await names(ledger, "select policyname from pg_policies") == []
    # the question can be answered at all
    secured = "select relname from pg_class where relrowsecurity and relkind in ('r', 'p')"
    assert {"api_keys", "holds", "usage_logs_2040_05"} <= set(await names(ledger, secured))


async def test_the_hot_row_has_no_index_but_its_key_and_half_its_page_free(ledger: Ledger):
    indexes = "select indexname from pg_indexes where tablename = 'key_counters'"
    assert await names(ledger, indexes) == ["key_counters_pkey"]
    options = "select reloptions from pg_class where oid = 'gateway.key_counters'::regclass"
    assert await ledger.value(options) == ["fillfactor=50"]


async def test_nothing_on_the_hot_path_has_a_foreign_key(ledger: Ledger):
    keyed = "select conrelid::regclass::text from pg_constraint where contype = 'f' order by 1"
    assert await names(ledger, keyed) == [
        *(
            "gateway.alert_deliveries",
            "gateway.key_counters",
            "gateway.preset_versions",
            "gateway.retired_keys",
        )
    ]
