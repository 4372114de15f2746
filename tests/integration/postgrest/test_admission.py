"""Who gets in with which key and token, and as which role; who does not, and what is said."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.postgres import execute
from tests.support.postgrest.stand_in import StandIn, stand_in

pytestmark = pytest.mark.anyio
WHO = "/rest/v1/rpc/who"


@pytest.fixture
async def anyone(database: str, supabase: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key, and a function that says who calls it."""
    body = "returns text language sql as 'select current_user::text'"
    await execute(database, f"create function public.who() {body}")
    async with httpx.AsyncClient(base_url=supabase.url) as http:
        yield http


async def test_each_key_has_its_role_alone_or_also_as_the_token(
    anyone: httpx.AsyncClient, supabase: StandIn
):
    for key, role in (
        (supabase.secret_key, "service_role"),
        (supabase.service_jwt, "service_role"),
        (supabase.publishable_key, "anon"),
        (supabase.anon_jwt, "anon"),
    ):
        for more in ({}, {"authorization": f"Bearer {key}"}):
            answer = await anyone.post(WHO, headers={"apikey": key, **more})
            assert answer.json() == role
            assert supabase.calls[-1].role == role


async def test_a_user_who_is_signed_in_is_authenticated(
    anyone: httpx.AsyncClient, supabase: StandIn
):
    token = supabase.sign(role="authenticated", exp=int(time.time()) + 60)
    headers = {"apikey": supabase.publishable_key, "authorization": f"Bearer {token}"}
    assert (await anyone.post(WHO, headers=headers)).json() == "authenticated"


async def test_without_a_key_of_this_project_the_gateway_refuses(
    anyone: httpx.AsyncClient, database: str, supabase: StandIn
):
    without = await anyone.post(WHO)
    assert without.status_code == 401
    assert without.json() == {
        "message": "No API key found in request",
        "hint": "No `apikey` request header or url param was found.",
    }
    with stand_in(database) as other:
        for key in (other.secret_key, other.service_jwt, other.publishable_key, "guessed"):
            wrong = await anyone.post(WHO, headers={"apikey": key})
            assert wrong.status_code == 401
            assert wrong.json() == {
                "message": "Invalid API key",
                "hint": "Double check your Supabase `anon` or `service_role` API key.",
            }
    assert {call.role for call in supabase.calls} == {None}


async def test_a_secret_key_is_refused_in_a_browser(anyone: httpx.AsyncClient, supabase: StandIn):
    headers = {"apikey": supabase.secret_key, "user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    assert (await anyone.post(WHO, headers=headers)).status_code == 401


async def test_a_bad_token_is_refused_and_told_why(
    anyone: httpx.AsyncClient, database: str, supabase: StandIn
):
    now = int(time.time())
    with stand_in(database) as other:
        forged = other.sign(role="service_role", exp=now + 60)
    for token, code, message in (
        (other.secret_key, "PGRST301", "Expected 3 parts in JWT; got 1"),
        ("a.b.c", "PGRST301", "JWT cryptographic operation failed"),
        (forged, "PGRST301", "No suitable key or wrong key type"),
        (supabase.sign(role="anon", exp=now - 60), "PGRST303", "JWT expired"),
        (supabase.sign(role="anon", nbf=now + 60), "PGRST303", "JWT not yet valid"),
        (supabase.sign(role="anon", iat=now + 60), "PGRST303", "JWT issued at future"),
        (supabase.sign(exp="soon"), "PGRST303", "The JWT 'exp' claim must be a number"),
        (supabase.sign(role="nobody"), "22023", 'role "nobody" does not exist'),
    ):
        headers = {"apikey": supabase.anon_jwt, "authorization": f"Bearer {token}"}
        answer = await anyone.post(WHO, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.json()["message"] == message
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_role_that_is_not_for_the_api_is_forbidden(
    anyone: httpx.AsyncClient, supabase: StandIn
):
    headers = {
        "apikey": supabase.anon_jwt,
        "authorization": f"Bearer {supabase.sign(role='postgres')}",
    }
    answer = await anyone.post(WHO, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "42501")


async def test_another_path_leads_nowhere(anyone: httpx.AsyncClient):
    answer = await anyone.get("/")
    assert (answer.status_code, answer.json()) == (404, {"error": "requested path is invalid"})
