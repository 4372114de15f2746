"""When the model may begin before the store has said yes."""

import asyncio

import pytest

from gateway.http.caller import Caller
from gateway.proxy import cached_key, remembered_keys, verdict_cache
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import StoreUnavailable
from gateway.stores.supabase import SupabaseStore
from tests.contract.verdict_cache.asking import EXPECTED, expected
from tests.support.postgrest.stand_in import Fault, StandIn
from tests.support.sql.ledger import Key, new_hash
from tests.support.store_calls import ask, create

pytestmark = pytest.mark.anyio


async def test_a_key_waits_until_it_was_allowed_in_just_this_way(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store)
    assert expected(known, key) is None
    await known.authorize(ask(key))
    assert expected(known, key) == EXPECTED
    assert expected(known, key, model="another") is None
    assert expected(known, key, origin="https://a.example") is None
    assert expected(known, key, scope="embeddings") is None
    assert expected(known, Key(key.id, new_hash())) is None


async def test_a_key_that_was_refused_waits_again(known: VerdictCache, store: SupabaseStore):
    key = await create(store, p_monthly_token_limit=1000)
    await known.authorize(ask(key))
    await known.authorize(ask(key, prompt_bound=2000))  # insufficient_quota
    assert expected(known, key) is None
    await known.authorize(ask(key))
    assert expected(known, key) == EXPECTED
    await store.admin("revoke_api_key", {"p_id": key.id})
    assert (await known.authorize(ask(key))).reason == "key_revoked"
    assert expected(known, key) is None


async def test_a_key_that_was_not_allowed_of_late_waits(
    known: VerdictCache, store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
):
    key = await create(store)
    await known.authorize(ask(key))
    monkeypatch.setattr(verdict_cache, "FRESH", 0.0)
    assert expected(known, key) is None


async def test_a_key_near_its_token_limit_waits(known: VerdictCache, store: SupabaseStore):
    key = await create(store, p_monthly_token_limit=30 + 4 * 30)
    await known.authorize(ask(key))
    assert expected(known, key) == EXPECTED
    assert expected(known, key, prompt_bound=11) is None


async def test_a_key_near_its_rate_limit_waits(known: VerdictCache, store: SupabaseStore):
    key = await create(store, p_rate_limit_per_min=5)
    await known.authorize(ask(key))
    assert expected(known, key) == EXPECTED
    await known.authorize(ask(key))
    assert expected(known, key) is None


async def test_requests_whose_verdict_is_still_to_come_count_against_the_room_that_is_left(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_monthly_token_limit=30 + 5 * 30)
    await known.authorize(ask(key))
    supabase.latency = 0.5
    assert expected(known, key) == EXPECTED
    waiting = [asyncio.create_task(known.authorize(ask(key))) for _ in range(2)]
    await asyncio.sleep(0)
    assert expected(known, key) is None
    supabase.latency = 0.0
    await asyncio.gather(*waiting)


async def test_a_near_store_is_asked_each_time_and_nothing_is_remembered(
    store: SupabaseStore, supabase: StandIn
):
    near = VerdictCache(store)
    key = await create(store)
    assert (await near.authorize(ask(key))).allowed
    assert near.expect(ask(key)) is None
    supabase.fault = lambda call: Fault.REFUSE
    for call in (near.authorize(ask(key)), near.identify(Caller(key.hash), None, None)):
        with pytest.raises(StoreUnavailable):
            await call
    assert not near.keys._cached


async def test_memory_is_bounded_however_many_keys_models_and_websites_come(
    known: VerdictCache, store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remembered_keys, "MOST_KEYS", 3)
    monkeypatch.setattr(cached_key, "MOST_USES", 4)
    keys = [await create(store) for _ in range(5)]
    for key in keys:
        await known.authorize(ask(key))
    for number in range(9):
        await known.authorize(ask(keys[-1], origin=f"https://{number}.example"))
        await known.identify(Caller(keys[-1].hash), "chat", f"https://{number}.example")
    await asyncio.gather(*known._identifying.values())  # which know the keys while they run
    assert list(known.keys._cached) == [key.hash for key in keys[-3:]]
    assert len(known.keys._allowances) == 3
    assert len(known.keys._cached[keys[-1].hash]._uses) == 4
    assert expected(known, keys[-1], origin="https://8.example") == EXPECTED


async def test_a_key_that_may_be_refused_keeps_the_model_busy_with_eight_requests_at_most(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    await known.authorize(ask(key))
    await store.admin("revoke_api_key", {"p_id": key.id})
    supabase.latency = 0.5
    early, waiting = 0, []
    for _ in range(50):
        early += expected(known, key) is not None
        waiting.append(asyncio.create_task(known.authorize(ask(key))))
        await asyncio.sleep(0)
    supabase.latency = 0.0
    verdicts = await asyncio.gather(*waiting)
    assert {verdict.reason for verdict in verdicts} == {"key_revoked"}
    assert early == 8
    assert expected(known, key) is None
