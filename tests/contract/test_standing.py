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
from tests.contract.store_calls import ask, create, month
from tests.postgrest.fixtures import supabase
from tests.postgrest.stand_in import Call, Fault, StandIn
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
    assert not near._known


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
    assert await known.denial(key.hash, "chat", None, lately=False) is None
    for call in (
        known.authorize(ask(stranger)),
        known.authorize(ask(key, model="another")),
        known.authorize(ask(key, origin="https://a.example")),
        known.denial(stranger.hash, "chat", None, lately=True),
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
    monkeypatch.setattr(standing, "MOST_WAYS", 4)
    keys = [await create(store) for _ in range(5)]
    for key in keys:
        await known.authorize(ask(key))
    for number in range(9):
        await known.authorize(ask(keys[-1], origin=f"https://{number}.example"))
        await known.identify(keys[-1].hash, "chat", f"https://{number}.example")
    assert list(known._known) == [key.hash for key in keys[-3:]]
    assert len(known._allowances) == 3
    assert len(known._known[keys[-1].hash]._ways) == 4
    assert expected(known, keys[-1], origin="https://8.example") == EXPECTED


async def spend_offline(known: Standing, key: Key, used: int) -> list[Settlement]:
    """All that is lent of it, each request using so much."""
    settlements = []
    while True:
        request = ask(key)
        try:
            await known.authorize(request)
        except StoreUnavailable:
            return settlements
        settlement = Settlement(request.request_id, used, 0, "reported", key_id=key.id)
        known.settled(key.hash, settlement)
        settlements.append(settlement)


async def test_a_store_that_comes_and_goes_does_not_multiply_what_is_lent(
    known: Standing, store: SupabaseStore, supabase: StandIn
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
    assert all(one.lent for one in spent)
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


async def test_a_rotated_key_has_no_more_to_spend_than_one(
    known: Standing, store: SupabaseStore, supabase: StandIn
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
    known: Standing, store: SupabaseStore, supabase: StandIn
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
        await known.denial(key.hash, "chat", None, lately=True)
    supabase.start()


async def test_a_yes_that_was_overtaken_by_a_no_does_not_count(
    known: Standing, store: SupabaseStore, supabase: StandIn
):
    key = await create(store)
    await known.authorize(ask(key))
    with supabase.holding("authorize_request"):
        early = asyncio.create_task(known.authorize(ask(key)))
        while sum(call.function == "authorize_request" for call in list(supabase.calls)) < 2:
            await asyncio.sleep(0.001)
        known._forbid(key.hash, "key_revoked", (None, None, None))  # as another call was told
    assert (await early).allowed
    assert expected(known, key) is None
    supabase.stop()
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key))
    supabase.start()


async def test_what_was_forbidden_in_one_way_is_not_lent_in_that_way(
    known: Standing, store: SupabaseStore, supabase: StandIn
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


async def test_the_store_is_looked_for_until_it_is_back(
    known: Standing, store: SupabaseStore, supabase: StandIn
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


async def test_a_hold_that_arrives_after_its_request_was_counted_is_given_back(
    known: Standing, store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    """The asking hangs on its way, the request is served meanwhile, and settled; then the asking
    arrives all the same, and the settlement, whose answer was lost, is sent again."""
    key = await create(store)
    await known.authorize(ask(key))
    request = ask(key)
    with supabase.holding("authorize_request"):
        monkeypatch.setattr("gateway.stores.supabase.DECISION_TIMEOUT", 0.2)
        assert (await known.authorize(request)).allowed
        settlement = Settlement(request.request_id, 3, 4, "reported", key_id=key.id)
        known.settled(key.hash, settlement)
        await store.settle([settlement])
    async with asyncio.timeout(30):
        while (await month(store, key))[1] < 60:  # the hold of the first request, and the late one
            await asyncio.sleep(0.01)
    await store.settle([settlement])
    assert await month(store, key) == (7, 30, 1)
