"""How a function is found, given its arguments, run in a transaction, and what comes back."""

import httpx
import pytest

from tests.support.postgres import execute
from tests.support.postgrest.stand_in import StandIn

pytestmark = pytest.mark.anyio

SHAPES = """
create type public.pair as (a int, b text[]);
create table public.seen (x int primary key deferrable initially deferred);
create function public.scalar() returns int language sql as 'select 7';
create function public.nothing() returns text language sql as 'select null::text';
create function public.one_pair() returns pair language sql as $$ select row(1, '{x}')::pair $$;
create function public.no_pair() returns pair language sql as 'select null::pair';
create function public.pairs() returns setof pair language sql
as $$ values (1, '{x}'::text[]), (2, null) $$;
create function public.numbers(p_to int) returns setof int language sql
as 'select generate_series(1, p_to)';
create function public.rows(p_x int) returns table (y int, z date) language sql
as $$ select p_x, date '2026-11-24' $$;
create function public.quiet() returns void language sql as 'insert into seen values (1)';
create function public.seen_so_far() returns int language sql as 'select count(*) from seen';
create function public.optional(p_a int, p_b int default 5) returns int language sql
as 'select p_a * p_b';
create function public.settings() returns jsonb stable language sql as $$
select jsonb_build_object(
    'user', current_user,
    'logged in', session_user,
    'path', current_setting('search_path'),
    'timeout', current_setting('statement_timeout'),
    'claims', current_setting('request.jwt.claims')::jsonb ->> 'role',
    'method', current_setting('request.method'),
    'asked', current_setting('request.path'),
    'header', current_setting('request.headers')::jsonb ->> 'x-client-info',
    'read only', current_setting('transaction_read_only'),
    'isolation', current_setting('transaction_isolation')
)
$$;
grant all on seen to service_role;
"""


@pytest.fixture
async def rpc(database: str, http: httpx.AsyncClient) -> httpx.AsyncClient:
    await execute(database, SHAPES)
    return http


async def test_each_kind_of_result_has_its_shape(rpc: httpx.AsyncClient):
    for function, given, value, shown in (
        ("scalar", {}, 7, "0-0/*"),
        ("nothing", {}, None, "0-0/*"),
        ("one_pair", {}, {"a": 1, "b": ["x"]}, "0-0/*"),
        ("no_pair", {}, {"a": None, "b": None}, "0-0/*"),
        ("pairs", {}, [{"a": 1, "b": ["x"]}, {"a": 2, "b": None}], "0-1/*"),
        ("numbers", {"p_to": 3}, [1, 2, 3], "0-2/*"),
        ("numbers", {"p_to": 0}, [], "*/*"),
        ("rows", {"p_x": 4}, [{"y": 4, "z": "2026-11-24"}], "0-0/*"),
    ):
        answer = await rpc.post(f"/rpc/{function}", json=given)
        assert (function, answer.status_code, answer.json()) == (function, 200, value)
        assert answer.headers["content-range"] == shown
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.headers["content-profile"] == "public"


async def test_void_is_an_empty_204(rpc: httpx.AsyncClient):
    answer = await rpc.post("/rpc/quiet")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_an_argument_with_a_default_may_be_left_out_and_no_other_name_may_come(
    rpc: httpx.AsyncClient,
):
    assert (await rpc.post("/rpc/optional", json={"p_a": 2})).json() == 10
    assert (await rpc.post("/rpc/optional", json={"p_a": 2, "p_b": 3})).json() == 6
    for wrong in ({}, {"p_b": 3}, {"p_a": 2, "p_c": 3}):
        assert (await rpc.post("/rpc/optional", json=wrong)).status_code == 404


async def test_a_call_runs_as_its_role_with_its_settings(rpc: httpx.AsyncClient, supabase: StandIn):
    asked = {"apikey": supabase.anon_jwt, "x-client-info": "me"}
    expected = {
        "user": "anon",
        "logged in": "authenticator",
        "path": '"public", "public", "extensions"',
        "timeout": "3s",
        "claims": "anon",
        "method": "POST",
        "asked": "/rpc/settings",
        "header": "me",
        "read only": "on",  # it is stable
        "isolation": "read committed",
    }
    assert (await rpc.post("/rpc/settings", headers=asked)).json() == expected
    again = (await rpc.get("/rpc/settings")).json()  # nothing of that is left
    assert (again["user"], again["timeout"], again["method"]) == ("service_role", "8s", "GET")


async def test_a_call_commits_as_a_whole_or_not_at_all(rpc: httpx.AsyncClient):
    assert (await rpc.post("/rpc/quiet")).status_code == 204
    twice = await rpc.post("/rpc/quiet")  # the constraint is deferred: it fails in the commit
    assert (twice.json()["code"], twice.status_code) == ("23505", 409)
    assert (await rpc.post("/rpc/seen_so_far")).json() == 1


async def test_get_and_head_call_with_arguments_from_the_query(rpc: httpx.AsyncClient):
    assert (await rpc.get("/rpc/numbers", params={"p_to": "2"})).json() == [1, 2]
    head = await rpc.head("/rpc/scalar")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_body_that_is_no_object_has_no_names(rpc: httpx.AsyncClient):
    assert (await rpc.post("/rpc/scalar", json=[])).json() == 7
    assert (await rpc.post("/rpc/optional", json=[{"p_a": 2}, {"p_a": 3}])).json() == 10
    mixed = await rpc.post("/rpc/optional", json=[{"p_a": 2}, {"p_b": 3}])
    assert mixed.json()["message"] == "All object keys must match"
