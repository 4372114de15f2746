"""When the store comes back, or comes and goes: nothing is granted, counted or kept twice."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import Settlement, StoreUnavailable
from gateway.stores.supabase import SupabaseStore
from tests.contract.verdict_cache.asking import expected, spend_offline
from tests.support.postgrest.stand_in import Call, Fault, StandIn
from tests.support.store_calls import ask, create, month

pytestmark = pytest.mark.anyio


async def test_when_the_store_is_back_it_is_asked_again(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    await known.authorize(ask(key))
    supabase.stop()
    await known.authorize(ask(key))
    supabase.start()
    await store.admin("revoke_api_key", {"p_id": key.id})
    while known._probing:
        await asyncio.sleep(0.001)
    assert (await known.authorize(ask(key))).reason == "key_revoked"
    supabase.stop()
    with pytest.raises(StoreUnavailable):  # what was revoked is known no more
        await known.authorize(ask(key))
    supabase.start()


async def test_what_was_served_without_the_store_is_counted_once_when_it_is_back(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    await known.authorize(ask(key))
    supabase.fault = lambda call: Fault.LOSE_ANSWER  # the hold is made, and nobody hears of it
    with_hold = ask(key)
    await known.authorize(with_hold)
    supabase.stop()
    without = ask(key)
    await known.authorize(without)
    supabase.reset()
    supabase.start()
    settlements = [
        Settlement(one.request_id, 3, 4, "reported", key_id=key.id, authorized_at=datetime.now(UTC))
        for one in (with_hold, without)
    ]
    for _ in range(2):
        await store.settle(settlements)
    assert await month(store, key) == (14, 30, 2)  # the very first is still running


async def test_a_store_that_comes_and_goes_does_not_multiply_what_is_lent(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_monthly_token_limit=1000)
    request = ask(key)
    await known.authorize(request)
    await store.settle([Settlement(request.request_id, 0, 0, key_id=key.id)])
    spent: list[Settlement] = []
    for _ in range(3):
        supabase.stop()
        spent += await spend_offline(known, key, used=30)
        supabase.start()
        while known._probing:
            await asyncio.sleep(0.001)
        await known.authorize(ask(key))  # the outbox has sent nothing yet
    total = sum(one.prompt_tokens for one in spent)
    assert 900 < total <= 1000
    assert all(one.granted_offline for one in spent)
    await store.settle(spent)
    known.counted(spent)
    await store.admin(
        "update_api_key", {"p_id": key.id, "p_changes": {"monthly_token_limit": 2000}}
    )
    await known.authorize(ask(key))
    supabase.stop()
    more = await spend_offline(known, key, used=30)  # what was counted is not taken off twice
    assert 700 < sum(one.prompt_tokens for one in more) <= 1000
    supabase.start()


async def test_a_yes_that_was_overtaken_by_a_no_does_not_count(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    await known.authorize(ask(key))
    with supabase.holding("authorize_request"):
        early = asyncio.create_task(known.authorize(ask(key)))
        while sum(call.function == "authorize_request" for call in list(supabase.calls)) < 2:
            await asyncio.sleep(0.001)
        known.keys.forbid(key.hash, "key_revoked", (None, None, None))  # as another call was told
    assert (await early).allowed
    assert expected(known, key) is None
    supabase.stop()
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key))
    supabase.start()


async def test_the_store_is_looked_for_until_it_is_back(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    await known.authorize(ask(key))
    supabase.fault = lambda call: Fault.REFUSE
    await known.authorize(ask(key))
    looks = "applied_migrations"
    await asyncio.to_thread(
        supabase.wait_until, lambda: sum(c.function == looks for c in supabase.calls) > 5
    )
    assert known._probing
    supabase.fault = None
    while known._probing:
        await asyncio.sleep(0.001)
    assert (await known.authorize(ask(key))).allowed


async def test_an_asking_that_arrives_after_its_request_was_counted_holds_nothing(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    """The asking hangs on its way, the request is served meanwhile, and settled; then the asking
    arrives all the same, and the settlement, whose answer was lost, is sent again."""
    key = await create(store)
    await known.authorize(ask(key))
    request = ask(key)

    def asked() -> list[Call]:
        return [call for call in supabase.calls if call.function == "authorize_request"]

    with supabase.holding("authorize_request"):
        monkeypatch.setattr("gateway.stores.supabase.DECISION_TIMEOUT", 0.2)
        assert (await known.authorize(request)).allowed
        await asyncio.to_thread(supabase.wait_until, lambda: len(asked()) > 1)
        settlement = Settlement(request.request_id, 3, 4, "reported", key_id=key.id)
        known.finished(settlement)
        await store.settle([settlement])
    await asyncio.to_thread(supabase.wait_until, lambda: all(call.ended for call in asked()))
    await store.settle([settlement])
    assert await month(store, key) == (7, 30, 1)  # of the first request
