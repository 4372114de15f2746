"""The stand-in for PostgREST is spoken to by Supabase's own package, and our functions answer."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from postgrest import APIError
from supabase import AsyncClient, AsyncClientOptions, create_async_client

from tests.support.postgrest.fixtures import supabase
from tests.support.postgrest.stand_in import Fault, StandIn

__all__ = ["supabase"]
pytestmark = pytest.mark.anyio

PATIENCE = 60.0  # seconds for an answer, on a busy machine
HASH = "0" * 64
KEY = {
    "p_key_hash": HASH,
    "p_prefix": "llm_abcd",
    "p_label": "a website",
    "p_owner_email": None,
    "p_rate_limit_per_min": 20,
    "p_monthly_token_limit": 1000,
    "p_allowed_models": ["qwen2.5:7b", 'a "quoted", one'],
    "p_allowed_origins": None,
    "p_scopes": ["chat"],
    "p_expires_at": "2030-01-02T03:04:05Z",
}


@pytest.fixture
async def client(supabase: StandIn) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        options = AsyncClientOptions(httpx_client=http)
        yield await create_async_client(supabase.url, supabase.secret_key, options)


def ask(request_id: str) -> dict[str, object]:
    return {
        "p_request_id": request_id,
        "p_key_hash": HASH,
        "p_scope": "chat",
        "p_origin": None,
        "p_model": "qwen2.5:7b",
        "p_endpoint": "/v1/chat/completions",
        "p_prompt_bound": 10,
        "p_max_output": 20,
        "p_ttl_seconds": 900,
    }


async def test_a_key_comes_back_with_its_arrays_its_nulls_and_its_dates(client: AsyncClient):
    made = (await client.rpc("create_api_key", KEY).execute()).data
    assert made["allowed_models"] == KEY["p_allowed_models"]
    assert made["allowed_origins"] is None
    assert made["expires_at"].startswith("2030-01-02T03:04:05")
    listed = await client.rpc("list_api_keys", {"p_cursor": None, "p_limit": 5}).execute()
    assert listed.data == {"data": [made], "next": None}


async def test_a_verdict_is_one_object_and_a_batch_of_settlements_counts(client: AsyncClient):
    made = (await client.rpc("create_api_key", KEY).execute()).data
    ids = [str(uuid4()) for _ in range(3)]
    for request_id in ids:
        verdict = (await client.rpc("authorize_request", ask(request_id)).execute()).data
        assert verdict["granted"] == 20
    swept = await client.rpc("sweep_holds", {"p_live": ids, "p_ttl_seconds": 900}).execute()
    assert swept.data == {"released": 0, "renewed": 3, "gateways": 0}
    batch = [{"request_id": one, "prompt_tokens": 3, "completion_tokens": 4} for one in ids]
    settled = await client.rpc("settle_requests", {"p_settlements": batch}).execute()
    assert settled.data == {"settled": 3, "unknown": 0}
    asked = {"p_key_id": made["id"], "p_from": "2020-01-01", "p_to": None}
    report = (await client.rpc("usage_report", asked).execute()).data
    assert report["month"]["tokens_used"] == 21
    assert [day["requests"] for day in report["by_day"]] == [3]


async def test_calls_are_remembered_in_order_with_their_role_and_status(
    client: AsyncClient, supabase: StandIn
):
    await client.rpc("create_api_key", KEY).execute()
    (call,) = supabase.wait_until(lambda: [one for one in supabase.calls if one.ended])
    assert (call.function, call.role, call.status) == ("create_api_key", "service_role", 200)
    assert call.arguments == KEY
    assert call.arrived < call.ended


async def test_hundreds_of_calls_at_once_are_all_answered(client: AsyncClient, supabase: StandIn):
    much = {"p_rate_limit_per_min": 1000, "p_monthly_token_limit": 10**9}
    await client.rpc("create_api_key", KEY | much).execute()
    supabase.latency = 0.08
    asked = (client.rpc("authorize_request", ask(str(uuid4()))).execute() for _ in range(300))
    answers = await asyncio.gather(*asked)
    assert {answer.data["granted"] for answer in answers} == {20}


async def test_an_error_keeps_its_code_its_words_and_its_hint(client: AsyncClient):
    with pytest.raises(APIError) as caught:
        await client.rpc("list_api_keys", {"p_limit": 1}).execute()
    assert caught.value.code == "PGRST202"
    assert "public.list_api_keys(p_limit)" in (caught.value.message or "")
    assert "public.list_api_keys(p_cursor, p_limit)" in (caught.value.hint or "")


async def test_each_fault_reaches_the_package_as_an_error(client: AsyncClient, supabase: StandIn):
    broken = httpx.RemoteProtocolError
    for fault, kind, code in (
        (Fault.ERROR_500, APIError, "40P01"),
        (Fault.BUSY_503, APIError, "PGRST000"),
        (Fault.PAUSED_540, APIError, None),  # the package keeps no status
        (Fault.WRONG_KEY_401, APIError, None),
        (Fault.HTML_502, APIError, "502"),
        (Fault.HANG, httpx.ReadTimeout, None),
        (Fault.HANG_AFTER, httpx.ReadTimeout, None),
        (Fault.REFUSE, broken, None),
        (Fault.LOSE_ANSWER, broken, None),
        (Fault.CUT_BODY, broken, None),
    ):
        supabase.fault = lambda _, fault=fault: fault
        # Only where no answer ever comes is there anything to wait for.
        silence = 0.2 if kind is httpx.ReadTimeout else PATIENCE
        client.postgrest.session.timeout = httpx.Timeout(PATIENCE, read=silence)
        with pytest.raises(kind) as caught:
            await client.rpc("list_api_keys", {"p_cursor": None, "p_limit": 1}).execute()
        assert getattr(caught.value, "code", None) == code
    client.postgrest.session.timeout = PATIENCE
    supabase.fault = lambda _: Fault.HTML_200
    page = await client.rpc("list_api_keys", {"p_cursor": None, "p_limit": 1}).execute()
    assert page.data.startswith("<html>")  # which the package takes for a good answer
    supabase.stop()
    with pytest.raises(httpx.ConnectError):
        await client.rpc("list_api_keys", {"p_cursor": None, "p_limit": 1}).execute()


async def test_only_the_service_role_gets_through_to_our_functions(
    client: AsyncClient, supabase: StandIn
):
    user = supabase.sign(role="authenticated")
    for authorization in (f"Bearer {supabase.anon_jwt}", f"Bearer {user}"):
        client.postgrest.headers["Authorization"] = authorization
        with pytest.raises(APIError) as caught:
            await client.rpc("list_api_keys", {"p_cursor": None, "p_limit": 1}).execute()
        assert caught.value.code == "42501"
    assert [(call.role, call.status) for call in supabase.calls] == [
        ("anon", 401),
        ("authenticated", 403),
    ]
