"""What the gateway relies on in every store, whatever stands behind it."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from gateway.stores import Identity, Settlement, Store, Verdict, supabase
from tests.contract.conftest import Backend
from tests.support.sql.ledger import Key, new_hash
from tests.support.store_calls import ask, create, month, report, wish

pytestmark = pytest.mark.anyio


async def test_an_allowed_request_gets_its_grant_and_all_numbers(store: Store):
    key = await create(store, p_monthly_token_limit=100, p_rate_limit_per_min=5)
    verdict = await store.authorize(ask(key, max_output=500))
    assert isinstance(verdict.rate_reset_ms, int)
    assert isinstance(verdict.month_resets_at, datetime)
    assert verdict.month_resets_at > datetime.now(UTC)
    assert verdict == Verdict(
        allowed=True,
        key_id=key.id,
        granted=90,
        rate_limit=5,
        rate_remaining=4,
        rate_reset_ms=verdict.rate_reset_ms,
        token_limit=100,
        tokens_remaining=0,
        month_resets_at=verdict.month_resets_at,
    )


async def test_a_denial_is_a_value(store: Store):
    key = await create(store, p_rate_limit_per_min=1)
    unknown = Key(key.id, new_hash())
    assert await store.authorize(ask(unknown)) == Verdict(False, "invalid_api_key")
    assert (await store.authorize(ask(key, scope="models:pull"))).reason == "scope_missing"
    await store.authorize(ask(key))
    denied = await store.authorize(ask(key))
    assert denied.reason == "rate_limit_exceeded"
    assert 0 < (denied.retry_after_ms or 0) <= 70_000


async def test_asking_again_with_the_same_id_gives_the_same_answer(store: Store):
    key = await create(store, p_monthly_token_limit=30, p_rate_limit_per_min=1)
    request = ask(key)
    verdicts = await asyncio.gather(*(store.authorize(request) for _ in range(5)))
    assert {(v.allowed, v.granted, v.tokens_remaining) for v in verdicts} == {(True, 20, 0)}
    assert await month(store, key) == (0, 30, 0)


async def test_a_key_is_identified_without_cost(store: Store):
    key = await create(store, p_allowed_models=["small"], p_scopes=["models:read"])
    known = Identity(True, None, key.id, ["small"])
    assert await store.identify(key.hash, None, None) == known
    assert await store.identify(key.hash, "models:read", "https://a.example") == known
    assert (await store.identify(key.hash, "chat", None)).reason == "scope_missing"
    assert await store.identify(new_hash(), None, None) == Identity(False, "invalid_api_key")


async def test_each_request_is_counted_once_however_often_it_is_sent(store: Store):
    key = await create(store)
    asks = [ask(key) for _ in range(70)]
    for one in asks:
        await store.authorize(one)
    batch = [
        Settlement(one.request_id, 3, 4, "reported", ttft_ms=5, duration_ms=6, key_id=key.id)
        for one in asks
    ]
    await asyncio.gather(*(store.settle(batch[start:]) for start in range(0, 70, 10)))
    await store.settle(batch)
    await store.settle([])
    assert await month(store, key) == (490, 0, 70)


async def test_a_request_whose_hold_is_unknown_is_counted_if_it_says_enough(store: Store):
    key = await create(store)
    lost = Settlement(uuid4(), 3, 4, "reported", key_id=key.id, model="m", endpoint="/v1")
    lost.authorized_at = datetime.now(UTC) - timedelta(seconds=5)
    await store.settle([lost, Settlement(uuid4(), 100, 100)])
    await store.settle([lost])
    assert await month(store, key) == (7, 0, 1)


async def test_what_runs_keeps_its_hold_through_a_sweep(store: Store):
    key = await create(store)
    running = ask(key)
    await store.authorize(running)
    await store.sweep([running.request_id, uuid4()])
    await store.sweep([])
    assert await month(store, key) == (0, 30, 0)


async def test_a_key_is_made_listed_changed_rotated_and_revoked(store: Store):
    expiry = datetime(2099, 1, 1, tzinfo=UTC)
    made = await store.admin(
        "create_api_key", wish(p_allowed_origins=["https://a.example"], p_expires_at=expiry)
    )
    assert made["expires_at"] == "2099-01-01T00:00:00Z"
    assert made["allowed_origins"] == ["https://a.example"]
    page = await store.admin("list_api_keys", {"p_cursor": None, "p_limit": 10})
    assert page == {"data": [made], "next": None}
    key_id = UUID(made["id"])
    changes = {"label": "Ünïcode ✓", "expires_at": None, "allowed_models": ["a", "b"]}
    changed = await store.admin("update_api_key", {"p_id": key_id, "p_changes": changes})
    assert changed == made | changes
    rotation = {"p_key_hash": new_hash(), "p_prefix": "llm_efgh", "p_grace_seconds": 0}
    rotated = await store.admin("rotate_api_key", {"p_id": key_id, **rotation})
    assert rotated == changed | {"prefix": "llm_efgh"}
    revoked = await store.admin("revoke_api_key", {"p_id": key_id})
    assert not revoked["is_active"]


async def test_an_administrators_mistake_is_a_value(store: Store):
    missing = await store.admin("revoke_api_key", {"p_id": uuid4()})
    assert missing == {"refusal": "not_found", "detail": "There is no key with this id."}
    wrong = await store.admin("create_api_key", wish(p_label=""))
    assert wrong["refusal"] == "invalid"


async def test_usage_can_be_asked_for_by_day(store: Store):
    key = await create(store)
    request = ask(key)
    await store.authorize(request)
    await store.settle([Settlement(request.request_id, 3, 4, "reported")])
    rows = (await report(store, key))["by_day"]
    assert [(row["model"], row["total_tokens"]) for row in rows] == [("a-model", 7)]
    old = {"p_key_id": None, "p_from": date(2020, 1, 1), "p_to": date(2020, 1, 31)}
    assert await store.admin("admin_usage", old) == {"data": []}
    months = {"p_key_id": key.id, "p_from": None, "p_to": None, "p_group_by": ["month", "model"]}
    for function in ("usage_report", "admin_usage"):
        found = await store.admin(function, months)
        assert [(row["model"], row["total_tokens"]) for row in found["data"]] == [("a-model", 7)]


async def test_only_the_functions_of_administration_can_be_called(store: Store):
    with pytest.raises(KeyError):
        await store.admin("pg_sleep", {"seconds": 1})
    with pytest.raises(TypeError, match="p_id"):
        await store.admin("revoke_api_key", {"p_id); drop table x; --": uuid4()})


async def test_200_callers_at_once_charge_no_token_more_than_the_limit(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supabase, "DECISION_TIMEOUT", 60.0)  # the last of them on a busy machine
    store, limit = backend.store, 9_001
    key = await create(store, p_monthly_token_limit=limit)

    async def caller(number: int) -> int:
        chance = random.Random(number)
        request = ask(key, prompt_bound=chance.randrange(50), max_output=chance.randrange(1, 100))
        verdict = await store.authorize(request)
        if not verdict.allowed:
            assert verdict.reason == "insufficient_quota"
            return 0
        used = request.prompt_bound + verdict.granted
        item = Settlement(request.request_id, request.prompt_bound, verdict.granted, "reported")
        await asyncio.gather(store.settle([item]), store.settle([item]))
        return used

    spent = sum(await asyncio.gather(*(caller(number) for number in range(200))))
    used, held, requests = await month(store, key)
    assert used == spent <= limit
    assert held == 0
    assert await backend.ledger.logged(key) == (used, requests)


async def test_a_cancelled_call_does_not_harm_the_next(backend: Backend):
    store = backend.store
    key = await create(store)
    for turn in range(30):
        call = asyncio.create_task(store.authorize(ask(key)))
        for _ in range(turn % 6):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert (await store.authorize(ask(key))).allowed
