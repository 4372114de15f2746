"""Every row of the table of statuses that is about Postgres's errors, provoked in Postgres."""

import asyncio

import httpx
import pytest

from tests.support.postgres import execute
from tests.support.postgrest.stand_in import StandIn
from tests.support.postgrest.statuses import STATUSES

pytestmark = pytest.mark.anyio

MESSAGES = {  # that fit the rows which look at them
    "": "provoked",
    "requires a WHERE clause$": "DELETE requires a WHERE clause",
    "^role.*does not exist$": 'role "nobody" does not exist',
    r"^function xmlagg\(": "function xmlagg(text) does not exist",
}
RAISE = """
create function public.fail(p_code text, p_message text) returns void language plpgsql as $$
begin
    raise exception using errcode = p_code, message = p_message, detail = 'why', hint = 'what';
end;
$$;
"""


async def test_an_error_of_postgres_has_the_status_of_its_row(
    database: str, http: httpx.AsyncClient
):
    await execute(database, RAISE)
    rows = [row for row in STATUSES if not row.code.startswith("PGRST")]
    got = {}
    for row in rows:
        code, message = row.code.ljust(5, "0"), MESSAGES[row.message]
        answer = await http.post("/rpc/fail", json={"p_code": code, "p_message": message})
        body = {"code": code, "message": message, "details": "why", "hint": "what"}
        assert answer.json() == body
        assert answer.headers["proxy-status"] == f"PostgREST; error={code}"
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.headers.get("retry-after") == ("1" if row.status == 503 else None)
        got[row] = answer.status_code
    assert got == {row: row.status for row in rows}


async def test_anon_is_told_to_log_in_and_a_function_may_choose_its_status(
    database: str, supabase: StandIn, http: httpx.AsyncClient
):
    await execute(database, RAISE)
    for code, status in {"42501": 401, "23505": 409, "22012": 400, "PT402": 402}.items():
        asked = {"p_code": code, "p_message": "no"}
        answer = await http.post("/rpc/fail", json=asked, headers={"apikey": supabase.anon_jwt})
        assert answer.status_code == status
        assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


RUN = """
create function public.run(p_sql text) returns void security definer language plpgsql as $$
begin execute p_sql; end; $$;
create function public.run_as_caller(p_sql text) returns void language plpgsql as $$
begin execute p_sql; end; $$;
create function public.run_hurried(p_sql text) returns void language plpgsql
set statement_timeout = '1ms' as $$
begin execute p_sql; end; $$;
create function public.run_for_reading(p_sql text) returns void stable language plpgsql as $$
begin execute p_sql; end; $$;
create function public.run_serialized(p_sql text) returns void language plpgsql
set default_transaction_isolation = 'serializable' as $$
begin
    execute p_sql;
    if current_setting('transaction_isolation') = 'serializable' then
        raise serialization_failure;
    end if;
end; $$;
"""
WHAT_HAPPENS = [
    ("run", "select 1 / 0", "22012", 400),
    ("run", "select 'x'::uuid", "22P02", 400),
    ("run", "select 99999::int2", "22003", 400),
    ("run", "select * from nowhere", "42P01", 404),
    ("run", "select nothing_of_the_kind()", "42883", 404),
    ("run", "select * from (select (select * from (values (1), (2)) as t)) as u", "21000", 500),
    ("run", "insert into gateway.key_counters (api_key_id) values (null)", "23502", 400),
    ("run", "insert into gateway.key_counters values (gen_random_uuid(), now())", "23503", 409),
    ("run", "insert into gateway.migrations select * from gateway.migrations", "23505", 409),
    ("run", "do 'begin perform 1 from strict_nothing; end'", "42P01", 404),
    ("run", "do 'declare x int; begin select 1 into strict x where false; end'", "P0002", 500),
    ("run", "do 'begin raise exception $x$no$x$; end'", "P0001", 400),
    ("run_as_caller", "select * from gateway.holds", "42501", 403),
    ("run_hurried", "select pg_sleep(10)", "57014", 500),
    ("run_for_reading", "delete from gateway.holds where false", "0A000", 400),
    ("run_serialized", "select 1", "40001", 500),
]


async def test_what_postgres_refuses_by_itself_has_that_status_too(
    database: str, http: httpx.AsyncClient
):
    await execute(database, RUN)
    await execute(database, "grant usage on schema gateway to service_role")
    for function, sql, code, status in WHAT_HAPPENS:
        answer = await http.post(f"/rpc/{function}", json={"p_sql": sql})
        assert (sql, answer.json()["code"], answer.status_code) == (sql, code, status)
    sql = "delete from gateway.holds where false"
    answer = await http.get("/rpc/run", params={"p_sql": sql})  # a GET may only read
    assert (answer.json()["code"], answer.status_code) == ("25006", 405)


async def test_a_deadlock_is_told_to_one_of_two_and_the_other_goes_on(
    database: str, http: httpx.AsyncClient
):
    await execute(
        database,
        """
        create function public.take_two(p_first bigint, p_second bigint) returns text
        security definer language plpgsql as $$
        begin
            set local deadlock_timeout = '10ms';
            perform pg_advisory_xact_lock(p_first);
            while (
                select count(*) from pg_locks as l join pg_database as d on d.oid = l.database
                where l.locktype = 'advisory' and d.datname = current_database()
            ) < 2 loop
                perform pg_sleep(0.001);
            end loop;
            perform pg_advisory_xact_lock(p_second);
            return 'both';
        end;
        $$;
        """,
    )
    first, second = await asyncio.gather(
        http.post("/rpc/take_two", json={"p_first": 1, "p_second": 2}),
        http.post("/rpc/take_two", json={"p_first": 2, "p_second": 1}),
    )
    assert sorted((first.status_code, second.status_code)) == [200, 500]
    failed = first if first.status_code == 500 else second
    assert failed.json()["code"] == "40P01"
