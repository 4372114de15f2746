"""What is remembered of a key's cap on its answers: the verdict to expect, and what is granted."""

from typing import Any

import pytest

from gateway.http.caller import Caller
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import StoreUnavailable
from gateway.stores.supabase import SupabaseStore
from tests.contract.verdict_cache.asking import expected
from tests.support.postgrest.stand_in import StandIn
from tests.support.sql.ledger import Key
from tests.support.store_calls import ask, create

pytestmark = pytest.mark.anyio


async def granted(known: VerdictCache, key: Key, wanted: int, **named: Any) -> int:
    return (await known.authorize(ask(key, max_output=wanted, **named))).granted


async def change(store: SupabaseStore, key: Key, **changes: Any) -> None:
    await store.admin("update_api_key", {"p_id": key.id, "p_changes": changes})


async def test_a_cap_that_has_shown_is_what_is_expected_of_longer_answers(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store, p_max_output_tokens=5)
    assert await granted(known, key, 3) == 3
    assert expected(known, key, max_output=20) == (True, 20)  # it may have none
    assert await granted(known, key, 20) == 5
    for wanted, expects in ((20, 5), (8192, 5), (6, 5), (5, 5), (4, 4), (0, 0)):
        assert expected(known, key, max_output=wanted) == (True, expects)
        assert await granted(known, key, wanted) == expects
    assert expected(known, key, max_output=20) == (True, 5)  # shorter ones say nothing of it


async def test_an_answer_cut_by_the_month_is_not_taken_for_capped(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store, p_monthly_token_limit=1000)
    assert await granted(known, key, 20) == 20
    assert await granted(known, key, 20, prompt_bound=960) == 10
    await change(store, key, monthly_token_limit=100_000)
    assert await granted(known, key, 8) == 8
    assert expected(known, key, max_output=500) == (True, 500)


@pytest.mark.parametrize(("cap", "expects"), [(3, 3), (9, 9), (None, 20)])
async def test_a_changed_cap_is_expected_as_soon_as_it_shows(
    known: VerdictCache, store: SupabaseStore, cap: int | None, expects: int
):
    key = await create(store, p_max_output_tokens=5)
    assert await granted(known, key, 20) == 5
    await change(store, key, max_output_tokens=cap)
    assert await granted(known, key, 20) == expects
    assert expected(known, key, max_output=20) == (True, expects)


async def test_what_the_cap_leaves_out_need_not_be_left_of_the_month(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store, p_max_output_tokens=5, p_monthly_token_limit=1000)
    assert expected(known, key, max_output=8192) is None
    assert await granted(known, key, 8192) == 5
    assert expected(known, key, max_output=8192) == (True, 5)


async def test_while_the_store_is_away_no_answer_is_longer_than_one_that_it_allowed(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    capped = await create(store, p_max_output_tokens=5)
    quiet = await create(store, p_max_output_tokens=5)  # its cap has not shown
    plain = await create(store)
    assert await granted(known, capped, 20) == 5
    assert await granted(known, quiet, 2) == 2
    assert await granted(known, plain, 20) == 20
    supabase.stop()
    assert [await granted(known, capped, wanted) for wanted in (20, 5, 4)] == [5, 5, 4]
    assert [await granted(known, quiet, wanted) for wanted in (20, 1, 0)] == [2, 1, 0]
    assert [await granted(known, plain, wanted) for wanted in (20, 21)] == [20, 20]
    supabase.start()


async def test_a_key_that_was_only_allowed_to_load_is_lent_no_answer(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_scopes=["chat", "ollama:native"])
    native = "chat ollama:native"
    assert await granted(known, key, 0, scope=native) == 0
    supabase.stop()
    assert await granted(known, key, 0, scope=native) == 0
    with pytest.raises(StoreUnavailable):
        await granted(known, key, 20, scope=native)
    supabase.start()


async def test_what_was_allowed_for_two_scopes_is_not_for_others(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    """Nor does it make `denial` wait, which asks for the route's own scope."""
    key = await create(store, p_scopes=["chat", "ollama:native"])
    native = "chat ollama:native"
    assert await granted(known, key, 20, scope=native) == 20
    assert expected(known, key, scope=native) == (True, 20)
    assert expected(known, key, scope="chat") is None
    await change(store, key, scopes=["chat"])
    refused = await known.authorize(ask(key, scope=native))
    assert refused.reason == "scope_missing"
    assert expected(known, key, scope=native) is None
    supabase.stop()
    with pytest.raises(StoreUnavailable):
        await granted(known, key, 20, scope=native)
    assert await known.denial(Caller(key.hash), "chat", None, recent=False) is None
    supabase.start()
