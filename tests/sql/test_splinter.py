"""What Supabase's linter looks for, and more: nobody but the service reaches anything of ours.

test_catalogue reads who may do what; here anon and authenticated really try.
"""

from typing import Any

import asyncpg
import pytest

from tests.support.sql.ledger import NOON, Ledger, new_hash

pytestmark = pytest.mark.anyio

VISITORS = ("anon", "authenticated")
# A few rows, looked through when a key is rotated: an index would cost more than it saves.
KEYS_WITHOUT_INDEX = ["retired_keys_api_key_id_fkey"]


async def lines(ledger: Ledger, sql: str) -> list[Any]:
    return [row[0] for row in await ledger.connection.fetch(sql)]


async def functions(ledger: Ledger) -> list[str]:
    """A call of each function of ours, with nulls of the right types for arguments."""
    return await lines(
        ledger,
        """
        select format(
            '%s %s.%I(%s)',
            case p.prokind when 'p' then 'call' else 'select' end,
            p.pronamespace::regnamespace, p.proname,
            (
                select string_agg('null::' || format_type(t.oid, null), ', ' order by t.number)
                from unnest(p.proargtypes) with ordinality as t (oid, number)
            )
        )
        from pg_proc as p
        where p.pronamespace in ('public'::regnamespace, 'gateway'::regnamespace)
        """,
    )


async def tables(ledger: Ledger) -> list[str]:
    return await lines(
        ledger,
        "select oid::regclass::text from pg_class where relnamespace = 'gateway'::regnamespace "
        "and relkind in ('r', 'p')",
    )


async def refuse(ledger: Ledger, role: str, statement: str) -> None:
    async with ledger.connection.transaction():
        await ledger.connection.execute(f"set local role {role}")
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with ledger.connection.transaction():
                    await ledger.connection.execute(statement)
        except BaseException as problem:
            problem.add_note(f"{role}: {statement}")
            raise


@pytest.mark.parametrize("role", VISITORS)
async def test_visitors_call_every_function_and_are_refused(ledger: Ledger, role: str):
    calls = await functions(ledger)
    assert len(calls) > 50
    for call in calls:
        await refuse(ledger, role, call)


@pytest.mark.parametrize("role", [*VISITORS, "service_role"])
async def test_visitors_and_the_service_itself_try_every_table_and_are_refused(
    ledger: Ledger, role: str
):
    """On Supabase service_role passes row security: only its rights stop it."""
    await ledger.admin("rotate_api_key", NOON, (await ledger.key()).id, new_hash(), "p", 60)
    found = await tables(ledger)
    assert len(found) > 10
    for table in found:
        column = await ledger.value(
            "select attname from pg_attribute where attrelid = $1::text::regclass and attnum = 1",
            table,
        )
        for statement in (
            f"select * from {table}",
            f"insert into {table} default values",
            f"update {table} set {column} = {column}",
            f"delete from {table}",
            f"truncate {table}",
        ):
            await refuse(ledger, role, statement)


@pytest.mark.parametrize("role", [*VISITORS, "service_role"])
async def test_nobody_makes_anything_in_our_schema(ledger: Ledger, role: str):
    await refuse(ledger, role, "create table gateway.mine (n integer)")
    await refuse(ledger, role, "select 'gateway.api_keys'::regclass")


async def test_the_exposed_schema_holds_functions_and_nothing_else(ledger: Ledger):
    others = [
        "select relname from pg_class where relnamespace = 'public'::regnamespace",
        "select typname from pg_type where typnamespace = 'public'::regnamespace",
        "select oprname from pg_operator where oprnamespace = 'public'::regnamespace",
        "select polname from pg_policy",
        "select evtname from pg_event_trigger",
        "select extname from pg_extension where extname <> 'plpgsql'",
    ]
    for query in others:
        assert await lines(ledger, query) == [], query


async def test_there_are_no_views_through_which_row_security_could_be_passed(ledger: Ledger):
    views = "select oid::regclass::text from pg_class where relkind in ('v', 'm') and "
    views += "relnamespace = 'gateway'::regnamespace"
    assert await lines(ledger, views) == []


async def test_foreign_keys_have_an_index_where_it_matters(ledger: Ledger):
    bare = """
        select c.conname from pg_constraint as c
        where c.contype = 'f' and not exists (
            select 1 from pg_index as i
            where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1]
        )
    """
    assert await lines(ledger, bare) == KEYS_WITHOUT_INDEX


async def test_no_index_is_there_twice(ledger: Ledger):
    twice = """
        select min(i.indexrelid::regclass::text)
        from pg_index as i join pg_class as c on c.oid = i.indexrelid
        where c.relnamespace = 'gateway'::regnamespace
        group by i.indrelid, c.relam, i.indkey::text, i.indclass::text, i.indexprs::text,
            i.indpred::text
        having count(*) > 1
    """
    assert await lines(ledger, twice) == []


async def test_partitions_made_later_are_as_closed_as_the_first(ledger: Ledger):
    await ledger.value("select gateway.ensure_partitions_at('2040-05-05')")
    for role in (*VISITORS, "service_role"):
        await refuse(ledger, role, "select * from gateway.usage_logs_2040_05")
    secured = "select relrowsecurity from pg_class where relname = 'usage_logs_2040_05'"
    assert await ledger.value(secured) is True
