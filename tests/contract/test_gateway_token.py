"""A Supabase store with a gateway token: it serves as localllm_gateway, and says what is wrong."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.stores import SecretKeyNeeded, Settlement, StoreMisconfigured
from gateway.stores.functions import ADMINISTRATION, SERVING
from gateway.stores.supabase import SupabaseStore
from tests.support.postgres import execute
from tests.support.postgrest.fixtures import supabase
from tests.support.postgrest.stand_in import StandIn
from tests.support.store_calls import ask, create, month

__all__ = ["supabase"]
pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def opened(project: StandIn, key: str, token: str = "") -> AsyncIterator[SupabaseStore]:
    store = SupabaseStore(project.url, key, token)
    try:
        yield store
    finally:
        await store.close()


@pytest.mark.parametrize("kind", ["publishable_key", "anon_jwt"])
async def test_all_that_serving_needs_is_done_as_the_role(supabase: StandIn, kind: str):
    supabase.is_hosted = False
    async with opened(supabase, supabase.secret_key) as owner:
        key = await create(owner)
    supabase.reset()
    async with opened(supabase, getattr(supabase, kind), supabase.gateway_token()) as store:
        await store.check()
        request = ask(key)
        assert (await store.authorize(request)).allowed
        assert (await store.identify(key.hash, "chat", None)).key_id == key.id
        await store.sweep([request.request_id])
        await store.settle([Settlement(request.request_id, 3, 4, "reported")])
        assert await month(store, key) == (7, 0, 1)
        assert "partitions_dropped" in await store.admin("keep_house", {"p_retention_months": 12})
    assert {call.role for call in supabase.calls} == {"localllm_gateway"}
    assert len({call.function for call in supabase.calls}) == 7


ARGUMENTS = {name: dict.fromkeys(names) for name, names in ADMINISTRATION.items()}
OWNERS = {name: given for name, given in ARGUMENTS.items() if name not in SERVING}


@pytest.mark.parametrize("function", OWNERS)
async def test_what_is_the_owner_s_needs_the_secret_key_and_says_so(
    supabase: StandIn, function: str
):
    async with opened(supabase, supabase.publishable_key, supabase.gateway_token()) as store:
        with pytest.raises(SecretKeyNeeded, match=r"function admin at .*/functions/v1/admin"):
            await store.admin(function, OWNERS[function])
    assert supabase.calls[-1].status == 403


async def test_a_new_secret_key_is_no_token_and_a_legacy_one_is(supabase: StandIn):
    for hosted in (True, False):
        supabase.is_hosted = hosted
        for key, as_token in ((supabase.secret_key, False), (supabase.service_jwt, True)):
            async with opened(supabase, key) as store:
                await store.check()
            assert supabase.calls[-1].role == "service_role"
            assert supabase.calls[-1].has_token == as_token


async def test_each_failure_of_a_token_is_named_in_one_line(supabase: StandIn, database: str):
    good, key = supabase.gateway_token(), supabase.publishable_key

    async def said(token: str = good, apikey: str = key) -> str:
        async with opened(supabase, apikey, token) as store:
            with pytest.raises(StoreMisconfigured) as caught:
                await store.check()
        words = str(caught.value)
        assert "\n" not in words and token not in words and apikey not in words
        return words

    assert "SUPABASE_GATEWAY_TOKEN has expired" in await said(supabase.gateway_token(exp=1))
    assert "check SUPABASE_GATEWAY_TOKEN, and its signing key" in await said(good[:-8] + "AAAAAAAA")
    assert "check SUPABASE_PUBLISHABLE_KEY" in await said(apikey="sb_publishable_of_another")

    await execute(database, "revoke execute on function applied_migrations from localllm_gateway")
    assert "the token may not call applied_migrations" in await said()

    # Roles belong to the whole server: what is done to them is undone.
    for lost, undone in (
        (
            "alter role localllm_gateway rename to lost",
            "alter role lost rename to localllm_gateway",
        ),
        (
            "revoke localllm_gateway from authenticator",
            "grant localllm_gateway to authenticator",
        ),
    ):
        await execute(database, lost)
        try:
            assert "lacks the role of the token" in await said()
        finally:
            await execute(database, undone)

    await execute(database, "grant execute on function applied_migrations to localllm_gateway")
    async with opened(supabase, key, good) as store:
        await store.check()
    supabase.revoke_signing_keys()
    assert "check SUPABASE_GATEWAY_TOKEN, and its signing key" in await said()
