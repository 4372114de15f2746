"""Gateways of an older release go on while the database has the new schema: they are restarted
later, one after the other."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest

from scripts import supabase_migrations as module
from tests.support.postgres import ROLES, Server, _fresh, execute

pytestmark = pytest.mark.anyio

FILES = module.files()
# What the public functions take, and the fields of what they give: their own, or of their row.
FUNCTIONS = """
select
    p.oid::regprocedure::text as signature,
    p.proname as name,
    p.proargnames as arguments,
    p.pronargs - p.pronargdefaults as required,
    array(
        select a.attname || ' ' || a.atttypid::regtype::text
        from pg_attribute as a
        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as fields,
    t.oid::regtype::text as result
from pg_proc as p
join pg_type as t on t.oid = p.prorettype
where p.pronamespace = 'public'::regnamespace
"""
# No gateway reads the fields of this row by their places.
READ_BY_NAME = {"sweep_holds"}


class Function(NamedTuple):
    name: str
    arguments: frozenset[str]
    required: frozenset[str]
    gives: tuple[str, ...]

    def answers(self, older: "Function") -> bool:
        """Whether it takes a call that was written for the older one."""
        return self.name == older.name and self.required <= older.arguments <= self.arguments


async def functions(dsn: str) -> list[Function]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(FUNCTIONS)
    finally:
        await connection.close()
    found: list[Function] = []
    for row in rows:
        arguments = row["arguments"] or []
        gives = tuple(row["fields"]) or (row["result"],)
        required = frozenset(arguments[: row["required"]])
        found.append(Function(row["name"], frozenset(arguments), required, gives))
    return found


@pytest.fixture
async def newest(postgres: Server) -> AsyncIterator[list[Function]]:
    async with _fresh(postgres, "template0") as dsn:
        await execute(dsn, ROLES.read_text("utf-8"))
        for file in FILES:
            await execute(dsn, file.read_text("utf-8"))
        yield await functions(dsn)


async def test_each_call_of_an_older_gateway_means_one_function_and_gives_it_the_same_fields(
    postgres: Server, newest: list[Function]
):
    async with _fresh(postgres, "template0") as dsn:
        await execute(dsn, ROLES.read_text("utf-8"))
        for file in FILES[:-1]:
            await execute(dsn, file.read_text("utf-8"))
            for older in await functions(dsn):
                answering = [one for one in newest if one.answers(older)]
                assert len(answering) == 1, (file.name, older.name)
                if older.name not in READ_BY_NAME:
                    assert answering[0].gives == older.gives, (file.name, older.name)
    assert len(newest) > 20  # it was really read


NO_REWRITE = """
create function public.refuse() returns event_trigger language plpgsql as $$
begin
    raise exception '% is made anew', pg_event_trigger_table_rewrite_oid()::regclass;
end;
$$;
create event trigger no_rewrite on table_rewrite execute function public.refuse();
"""


async def test_no_upgrade_makes_a_table_anew_which_looks_empty_to_who_reads_it_meanwhile(
    postgres: Server,
):
    async with _fresh(postgres, "template0") as dsn:
        await execute(dsn, ROLES.read_text("utf-8"))
        await execute(dsn, NO_REWRITE)
        for file in FILES:
            await execute(dsn, file.read_text("utf-8"))
