"""Every row of the table of statuses that is about PostgREST's own errors, provoked."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.postgres import Server, execute
from tests.support.postgrest import database as database_module
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.postgrest.statuses import STATUSES

pytestmark = pytest.mark.anyio

STATUS = {row.code: row.status for row in STATUSES if row.code.startswith("PGRST")}
LIST = "/rpc/list_api_keys"
REQUESTS: dict[str, dict[str, Any]] = {
    "PGRST101": {"method": "DELETE", "url": LIST},
    "PGRST102": {"url": LIST, "content": b"{"},
    "PGRST106": {"url": LIST, "headers": {"content-profile": "gateway"}},
    "PGRST125": {"url": f"{LIST}/more"},
    "PGRST202": {"url": LIST, "json": {"p_limit": 1}},
    "PGRST203": {"url": "/rpc/twice", "json": {"p_x": 1}},
    "PGRST205": {"url": "/api_keys"},
    "PGRST301": {"url": LIST, "headers": {"authorization": "Bearer not.a.token"}},
    "PGRST303": {"url": LIST},  # with a token that is made when it is asked
}
ELSEWHERE = {"PGRST000", "PGRST001", "PGRST002", "PGRST003"}  # provoked below, with the database


def test_every_row_is_provoked():
    assert set(STATUS) == set(REQUESTS) | ELSEWHERE


async def test_an_error_of_postgrest_has_the_status_of_its_row(
    database: str, supabase: StandIn, http: httpx.AsyncClient
):
    for kind in ("int", "text"):
        body = f"(p_x {kind}) returns int language sql as 'select 1'"
        await execute(database, f"create function public.twice{body}")
    expired = supabase.sign(role="authenticated", exp=1)
    for code, request in REQUESTS.items():
        headers = dict(request.get("headers", {}))
        if code == "PGRST303":
            headers = {"authorization": f"Bearer {expired}"}
        answer = await http.request(**{"method": "POST", **request, "headers": headers})
        assert (answer.json()["code"], answer.status_code) == (code, STATUS[code])
        assert set(answer.json()) == {"code", "message", "details", "hint"}
        assert answer.headers["proxy-status"] == f"PostgREST; error={code}"
        assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_missing_function_is_named_with_what_was_given(http: httpx.AsyncClient):
    for name, given, shown, hint in (
        (
            "list_api_keys",
            ["p_limit"],
            "list_api_keys(p_limit)",
            "list_api_keys(p_cursor, p_limit)",
        ),
        ("list_api_key", [], "list_api_key without parameters", "list_api_keys"),
        ("nothing_like_it", ["p_b", "p_a"], "nothing_like_it(p_a, p_b)", None),
        ("settle_hold", ["p_hold"], "settle_hold(p_hold)", None),  # it is in a hidden schema
    ):
        error = (await http.post(f"/rpc/{name}", json=dict.fromkeys(given))).json()
        assert error["message"] == f"Could not find the function public.{shown} in the schema cache"
        assert error["details"].startswith(f"Searched for the function public.{name} with")
        meant = hint and f"Perhaps you meant to call the function public.{hint}"
        assert error["hint"] == meant


async def test_without_its_database_it_answers_503_and_with_it_again_200(
    postgres: Server, supabase: StandIn, http: httpx.AsyncClient
):
    asked = {"p_cursor": None, "p_limit": 1}
    assert (await http.post(LIST, json=asked)).status_code == 200
    postgres.kill()
    try:
        for code in ("PGRST000", "PGRST002"):  # with a schema cache, and without
            answer = await http.post(LIST, json=asked)
            assert (answer.json()["code"], answer.status_code) == (code, STATUS[code])
            assert answer.headers["retry-after"] == "1"
            supabase.stop()
            supabase.start()
    finally:
        postgres.start()
    assert (await http.post(LIST, json=asked)).status_code == 200


WAIT = "create function public.wait() returns void language sql as 'select pg_sleep(60)'"


async def test_a_database_that_dies_during_a_call_is_a_503(
    postgres: Server, database: str, http: httpx.AsyncClient
):
    await execute(database, WAIT)
    calling = asyncio.ensure_future(http.post("/rpc/wait"))
    watching = await asyncpg.connect(database)
    while not await watching.fetchval(
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    ):
        pass
    postgres.kill()
    watching.terminate()
    try:
        answer = await calling
        assert (answer.json()["code"], answer.status_code) == ("PGRST001", STATUS["PGRST001"])
    finally:
        postgres.start()


async def test_a_full_pool_is_a_504(database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_module, "CONNECTIONS", 1)
    await execute(database, WAIT)
    with stand_in(database) as project:
        base, headers = f"{project.url}/rest/v1", {"apikey": project.secret_key}
        async with httpx.AsyncClient(base_url=base, headers=headers) as http:
            await http.post(LIST, json={"p_cursor": None, "p_limit": 1})  # fills the schema cache
            monkeypatch.setattr(database_module, "PATIENCE", 0.05)
            calling = {asyncio.ensure_future(http.post("/rpc/wait")) for _ in range(2)}
            done, waiting = await asyncio.wait(calling, return_when=asyncio.FIRST_COMPLETED)
            answer = done.pop().result()
            assert (answer.json()["code"], answer.status_code) == ("PGRST003", STATUS["PGRST003"])
            waiting.pop().cancel()
