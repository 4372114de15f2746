"""What is remembered of keys: when the model may begin early, what goes on without the store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway import allowance, standing
from gateway.standing import Standing
from gateway.stores import Settlement, StoreUnavailable
from gateway.stores.supabase import SupabaseStore
from tests.contract.test_store_contract import ask, create, month
from tests.postgrest.fixtures import supabase
from tests.postgrest.stand_in import Fault, StandIn
from tests.sql.ledger import Key, new_hash

__all__ = ["supabase"]
pytestmark = pytest.mark.anyio

EXPECTED = (True, 20)


@pytest.fixture
async def store(supabase: StandIn) -> AsyncIterator[SupabaseStore]:
    opened = SupabaseStore(supabase.url, supabase.secret_key)
    yield opened
    await opened.close()


@pytest.fixture
async def known(store: SupabaseStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Standing]:
    """It looks for a store that is away as often as it can."""
    monkeypatch.setattr(standing, "PROBE", 0.01)
    made = Standing(store, overlap=True, grace=300.0)
    yield made
    await made.close()


def expected(known: Standing, key: Key, **named: Any) -> tuple[bool, int] | None:
    verdict = known.expect(ask(key, **named))
    return (verdict.allowed, verdict.granted) if verdict else None


async def test_a_key_waits_until_it_was_allowed_in_just_this_way(
    known: Standing, store: SupabaseStore
):
    key = await create(store)
    assert expected(known, key) is None
    await known.authorize(ask(key))
    assert expected(known, key) == EXPECTED
    assert expected(known, key, model="another") is None
    assert expected(known, key, origin="https://a.example") is None
    assert expected(known, key, scope="embeddings") is None
    assert expected(known, Key(key.id, new_hash())) is None


async def test_a_key_that_was_refused_waits_again(known: Standing, store: SupabaseStore):
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
    known: Standing, store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
):
    key = await create(store)
    await known.authorize(ask(key))
    monkeypatch.setattr(standing, "FRESH", 0.0)
    assert expected(known, key) is None


async def test_a_key_near_its_token_limit_waits(known: Standing, store: SupabaseStore):
    key = await create(store, p_monthly_token_limit=30 + 4 * 30)
    await known.authorize(ask(key))
    assert expected(known, key) == EXPECTED
    assert expected(known, key, prompt_bound=11) is None


async def test_a_key_near_its_rate_limit_waits(known: Standing, store: SupabaseStore):
    key = await create(store, p_rate_limit_per_min=5)
    await known.authorize(ask(key))
    assert expected(known, key) == EXPECTED
    await known.authorize(ask(key))
    assert expected(known, key) is None


async def test_requests_whose_verdict_is_still_to_come_count_against_the_room_that_is_left(
    known: Standing, store: SupabaseStore, supabase: StandIn
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
    near = Standing(store)
    key = await create(store)
    assert (await near.authorize(ask(key))).allowed
    assert near.expect(ask(key)) is None
    supabase.fault = lambda call: Fault.REFUSE
    for call in (near.authorize(ask(key)), near.identify(key.hash, None, None)):
        with pytest.raises(StoreUnavailable):
            await call
    assert not near._keys


AWAY = [Fault.REFUSE, Fault.PAUSED_540, Fault.HTML_502, Fault.BUSY_503, Fault.LOSE_ANSWER]


@pytest.mark.parametrize("fault", AWAY)
async def test_while_the_store_is_away_known_keys_go_on_and_others_are_told_later(
    known: Standing, store: SupabaseStore, supabase: StandIn, fault: Fault
):
    key, stranger = await create(store), await create(store)
    await known.authorize(ask(key))
    supabase.fault = lambda call: fault
    verdict = await known.authorize(ask(key))
    assert (verdict.allowed, verdict.granted, verdict.key_id) == (True, 20, key.id)
    assert await known.denial(key.hash, "chat", None) is None
    for call in (
        known.authorize(ask(stranger)),
        known.authorize(ask(key, model="another")),
        known.authorize(ask(key, origin="https://a.example")),
        known.denial(stranger.hash, "chat", None),
        known.identify(key.hash, "models:read", None),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    assert expected(known, key) is None


async def test_while_the_store_is_away_known_keys_do_not_wait_for_it(
    known: Standing, store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    key = await create(store)
    await known.authorize(ask(key))
    monkeypatch.setattr("gateway.stores.supabase.DECISION_TIMEOUT", 0.2)
    supabase.fault = lambda call: Fault.HANG
    await known.authorize(ask(key))
    asked = sum(call.function == "authorize_request" for call in supabase.calls)
    for _ in range(50):
        assert (await known.authorize(ask(key))).allowed
    assert sum(call.function == "authorize_request" for call in supabase.calls) == asked


async def test_when_the_store_is_back_it_is_asked_again(
    known: Standing, store: SupabaseStore, supabase: StandIn
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


async def test_no_more_is_lent_than_was_left_and_what_is_not_used_can_be_lent_again(
    known: Standing, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_monthly_token_limit=100)
    await known.authorize(ask(key))
    supabase.stop()
    first, second = ask(key), ask(key)
    assert (await known.authorize(first)).granted == 20
    assert (await known.authorize(second)).granted == 20
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key))
    known.settled(key.hash, Settlement(first.request_id, 5, 5))
    verdict = await known.authorize(ask(key))
    assert (verdict.granted, verdict.tokens_remaining) == (20, 0)
    known.settled(key.hash, Settlement(second.request_id, 10, 10))
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key))
    supabase.start()


async def test_the_rate_limit_holds_while_the_store_is_away(
    known: Standing, store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
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
    hasty = Standing(store, overlap=True, grace=1e-9)
    key = await create(store)
    await hasty.authorize(ask(key))
    supabase.stop()
    with pytest.raises(StoreUnavailable):
        await hasty.authorize(ask(key))
    await hasty.close()
    supabase.start()


async def test_who_a_key_was_is_told_while_the_store_is_away(
    known: Standing, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_allowed_models=["small"])
    told = await known.identify(key.hash, "models:read", None)
    supabase.stop()
    assert await known.identify(key.hash, "models:read", None) == told
    with pytest.raises(StoreUnavailable):
        await known.identify(key.hash, "models:pull", None)
    supabase.start()


async def test_what_was_served_without_the_store_is_counted_once_when_it_is_back(
    known: Standing, store: SupabaseStore, supabase: StandIn
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


async def test_memory_is_bounded_however_many_keys_models_and_websites_come(
    known: Standing, store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(standing, "MOST_KEYS", 3)
    monkeypatch.setattr(allowance, "MOST_WAYS", 4)
    keys = [await create(store) for _ in range(5)]
    for key in keys:
        await known.authorize(ask(key))
    for number in range(9):
        await known.authorize(ask(keys[-1], origin=f"https://{number}.example"))
        await known.identify(keys[-1].hash, "chat", f"https://{number}.example")
    assert list(known._keys) == [key.hash for key in keys[-3:]]
    last = known._keys[keys[-1].hash]
    assert len(last._allowed) <= 4
    assert len(last.identities) <= 4
    assert expected(known, keys[-1], origin="https://8.example") == EXPECTED
