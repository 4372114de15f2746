"""While the store is away: who goes on, within what was left, and who is told later."""

import asyncio

import pytest

from gateway.http.caller import Caller
from gateway.proxy import allowance
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import Settlement, StoreUnavailable
from gateway.stores.supabase import SupabaseStore
from tests.contract.verdict_cache.asking import expected, spend_offline
from tests.support.postgrest.stand_in import Call, Fault, StandIn
from tests.support.sql.ledger import Key, new_hash
from tests.support.store_calls import ask, create

pytestmark = pytest.mark.anyio


AWAY = [Fault.REFUSE, Fault.PAUSED_540, Fault.HTML_502, Fault.BUSY_503, Fault.LOSE_ANSWER]


@pytest.mark.parametrize("fault", AWAY)
async def test_while_the_store_is_away_known_keys_go_on_and_others_are_told_later(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn, fault: Fault
):
    key, stranger = await create(store), await create(store)
    await known.authorize(ask(key))
    supabase.fault = lambda call: fault
    verdict = await known.authorize(ask(key))
    assert (verdict.allowed, verdict.granted, verdict.key_id) == (True, 20, key.id)
    assert await known.denial(Caller(key.hash), "chat", None, recent=False) is None
    for call in (
        known.authorize(ask(stranger)),
        known.authorize(ask(key, origin="https://a.example")),
        known.denial(Caller(stranger.hash), "chat", None, recent=True),
        known.identify(Caller(key.hash), "models:read", None),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    assert expected(known, key) is None


async def test_while_the_store_is_away_known_keys_do_not_wait_for_it(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    key = await create(store)
    await known.authorize(ask(key))
    monkeypatch.setattr("gateway.stores.supabase.DECISION_TIMEOUT", 0.2)
    supabase.fault = lambda call: Fault.HANG
    await known.authorize(ask(key))

    def asked() -> int:
        return sum(call.function == "authorize_request" for call in supabase.calls)

    await asyncio.to_thread(supabase.wait_until, lambda: asked() == 2)  # it may arrive late
    for _ in range(50):
        assert (await known.authorize(ask(key))).allowed
    assert asked() == 2


async def test_no_more_is_lent_than_was_left_and_what_is_not_used_can_be_lent_again(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_monthly_token_limit=100)
    await known.authorize(ask(key))
    supabase.stop()
    first, second = ask(key), ask(key)
    assert (await known.authorize(first)).granted == 20
    assert (await known.authorize(second)).granted == 20
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key))
    known.finished(Settlement(first.request_id, 5, 5, key_id=key.id))
    verdict = await known.authorize(ask(key))
    assert (verdict.granted, verdict.tokens_remaining) == (20, 0)
    known.finished(Settlement(second.request_id, 10, 10, key_id=key.id))
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key))
    supabase.start()


async def test_the_rate_limit_holds_while_the_store_is_away(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    key = await create(store, p_rate_limit_per_min=5)
    for _ in range(2):
        await known.authorize(ask(key))
    supabase.stop()
    verdicts = [await known.authorize(ask(key)) for _ in range(4)]
    assert [verdict.rate_remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert verdicts[-1].reason == "rate_limit_exceeded"
    assert 0 < (verdicts[-1].retry_after_ms or 0) <= 60_000
    monkeypatch.setattr(allowance, "WINDOW", 0.0)  # as if a minute had passed
    assert (await known.authorize(ask(key))).allowed
    supabase.start()


async def test_after_its_grace_a_key_is_a_stranger(
    store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    hasty = VerdictCache(store, overlap=True, grace=1e-9)
    key = await create(store)
    await hasty.authorize(ask(key))
    supabase.stop()
    with pytest.raises(StoreUnavailable):
        await hasty.authorize(ask(key))
    await hasty.close()
    supabase.start()


async def test_who_a_key_was_is_told_while_the_store_is_away(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_allowed_models=["small"])
    told = await known.identify(Caller(key.hash), "models:read", None)
    supabase.stop()
    assert await known.identify(Caller(key.hash), "models:read", None) == told
    with pytest.raises(StoreUnavailable):
        await known.identify(Caller(key.hash), "models:pull", None)
    supabase.start()


async def test_a_rotated_key_has_no_more_to_spend_than_one(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_monthly_token_limit=1000)
    hashes = [key.hash]
    for _ in range(3):
        hashes.append(new_hash())
        rotation = {"p_key_hash": hashes[-1], "p_prefix": "llm_x", "p_grace_seconds": 600}
        await store.admin("rotate_api_key", {"p_id": key.id, **rotation})
    for one in hashes:
        await known.authorize(ask(Key(key.id, one)))
    supabase.stop()
    spent = [await spend_offline(known, Key(key.id, one), used=30) for one in hashes]
    assert sum(len(one) for one in spent) * 30 <= 1000
    supabase.start()


async def test_a_key_that_was_said_to_be_revoked_meanwhile_is_lent_nothing(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    """One asking hangs; another one is told; then the first ends without an answer."""
    key = await create(store)
    await known.authorize(ask(key))
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()

    def first_hangs(call: Call) -> Fault | None:
        if call.function == "authorize_request" and not gone.is_set():
            loop.call_soon_threadsafe(gone.set)
            return Fault.HANG
        return None

    supabase.fault = first_hangs
    hanging = asyncio.create_task(known.authorize(ask(key)))
    await gone.wait()
    await store.admin("revoke_api_key", {"p_id": key.id})
    assert (await known.authorize(ask(key))).reason == "key_revoked"
    supabase.stop()
    with pytest.raises(StoreUnavailable):
        await hanging
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key))
    with pytest.raises(StoreUnavailable):
        await known.denial(Caller(key.hash), "chat", None, recent=True)
    supabase.start()


async def test_what_was_forbidden_in_one_way_is_not_lent_in_that_way(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    await known.authorize(ask(key, model="a"))
    await known.authorize(ask(key, model="b"))
    changes = {"p_id": key.id, "p_changes": {"allowed_models": ["b"]}}
    await store.admin("update_api_key", changes)
    assert (await known.authorize(ask(key, model="a"))).reason == "model_not_allowed"
    supabase.stop()
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key, model="a"))
    assert (await known.authorize(ask(key, model="b"))).allowed
    supabase.start()
