"""While the store is away: any model of a key's lane, and of what is left only one's own part."""

import asyncio

import pytest

from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import Settlement, StoreUnavailable
from gateway.stores.supabase import SupabaseStore
from tests.contract.verdict_cache.asking import spend_offline
from tests.support.postgrest.stand_in import StandIn
from tests.support.store_calls import ask, create

pytestmark = pytest.mark.anyio


async def lane_known(known: VerdictCache) -> None:
    """The store has been asked beside the requests which models their keys may use."""
    await asyncio.gather(*known._identifying.values())


async def test_a_known_key_may_use_any_model_of_its_lane_and_no_other(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_allowed_models=["a-model", "small*"])
    await known.authorize(ask(key))
    await lane_known(known)
    supabase.stop()
    assert (await known.authorize(ask(key, model="small:1b"))).allowed
    for other in ({"model": "large:70b"}, {"scope": "embeddings"}, {"origin": "https://a.example"}):
        with pytest.raises(StoreUnavailable):
            await known.authorize(ask(key, **other))
    supabase.start()


async def test_the_lane_is_asked_for_once_and_beside_the_requests(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    for number in range(20):
        await known.authorize(ask(key, model=f"{number}"))
        await lane_known(known)
    assert sum(call.function == "identify_key" for call in supabase.calls) == 1


def _tokens(settlements: list[Settlement]) -> int:
    """Of requests that use 30, if they are granted so many."""
    return 30 * (len(settlements) - 1)


@pytest.mark.parametrize("gateways", [2, 3])
async def test_several_gateways_lend_no_more_together_than_was_left(
    store: SupabaseStore, supabase: StandIn, gateways: int
):
    key = await create(store, p_monthly_token_limit=1000)
    stores = [SupabaseStore(supabase.url, supabase.secret_key) for _ in range(gateways)]
    caches = [VerdictCache(one, overlap=True, grace=300.0) for one in stores]
    for _ in range(2):  # the first of them sees all of the others only the second time
        for one in stores:
            await one.sweep([])
    for one in caches:
        await one.authorize(ask(key))
    supabase.stop()
    spent = [await spend_offline(one, key, used=30) for one in caches]
    assert all(spent)
    most = 1000 - 30  # what the first of them was told
    assert sum(_tokens(one) for one in spent) <= most
    supabase.start()
    for one in (*caches, *stores):
        await one.close()


async def test_several_gateways_let_no_more_through_a_minute_than_the_limit(
    store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_rate_limit_per_min=60)
    stores = [SupabaseStore(supabase.url, supabase.secret_key) for _ in range(2)]
    caches = [VerdictCache(one, overlap=True, grace=300.0) for one in stores]
    for one in (*stores, *stores):
        await one.sweep([])
    for one in caches:
        await one.authorize(ask(key))
    supabase.stop()
    verdicts = [await one.authorize(ask(key)) for one in caches for _ in range(60)]
    assert 2 + sum(verdict.allowed for verdict in verdicts) <= 60
    assert sum(verdict.allowed for verdict in verdicts) >= 50
    supabase.start()
    for one in (*caches, *stores):
        await one.close()


async def test_without_the_store_too_one_request_leaves_room_for_others(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_monthly_token_limit=8000)
    await known.authorize(ask(key, max_output=4000))
    supabase.stop()
    left = 8000 - 4010
    verdict = await known.authorize(ask(key, max_output=4000, capped=False))
    assert verdict.granted == (left - 10) // 4
    supabase.start()


async def test_a_grant_that_leaves_room_is_not_taken_for_the_cap_of_the_key(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store, p_monthly_token_limit=8000)
    verdict = await known.authorize(ask(key, max_output=4000, capped=False))
    assert verdict.granted == (8000 - 10) // 4
    assert known.keys._cached[key.hash].allowance._cap is None
