"""What a gateway does by itself for visitors: no more than the store would let each of them."""

from typing import Any

import pytest

from gateway.http.caller import Caller
from gateway.proxy import cached_key
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import Claim, StoreUnavailable
from gateway.stores.supabase import SupabaseStore
from tests.contract.verdict_cache.asking import expected
from tests.support.postgrest.stand_in import Fault, StandIn
from tests.support.sql.ledger import Key, new_hash
from tests.support.store_calls import ask, create

pytestmark = pytest.mark.anyio
HERE, THERE = Claim("192.0.2.1"), Claim("192.0.2.2")


async def token(store: SupabaseStore, key: Key, **wishes: Any) -> Key:
    """One of a visitor, as a caller shows it."""
    made = Key(key.id, new_hash())
    arguments = {
        "p_key_hash": key.hash, "p_origin": None, "p_token_hash": made.hash,
        "p_visitor": "alice", "p_expires_in": 600, "p_uses": None,
        "p_max_output_tokens": None, "p_models": None, "p_page": None,
    }  # fmt: skip
    answer = await store.admin("create_visitor_token", arguments | wishes)
    assert answer["visitor"] == "alice", answer
    return made


async def test_a_visitor_without_limits_is_let_in_early_and_goes_on_while_the_store_is_away(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_visitors={"by": ["address"]})
    await known.authorize(ask(key, claim=HERE))
    assert expected(known, key, claim=HERE) == (True, 20)
    assert expected(known, key, claim=THERE) is None
    supabase.fault = lambda call: Fault.REFUSE
    assert (await known.authorize(ask(key, claim=HERE))).allowed
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(key, claim=THERE))


async def test_a_visitor_at_the_limit_is_never_let_in_early(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store, p_visitors={"by": ["address"], "tokens_per_day": 100})
    for _ in range(4):
        verdict = await known.authorize(ask(key, claim=HERE))
        assert expected(known, key, claim=HERE) is None
    assert verdict.reason == "visitor_tokens_held"


async def test_a_token_with_uses_is_asked_for_each_time(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_visitors={"by": ["token"]})
    shown = await token(store, key, p_uses=2)
    await known.authorize(ask(shown))
    assert expected(known, shown) is None
    supabase.fault = lambda call: Fault.REFUSE
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(shown))


async def test_a_token_ends_by_itself_while_the_store_is_away(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn, monkeypatch: pytest.MonkeyPatch
):
    key = await create(store, p_visitors={"by": ["token"]})
    shown = await token(store, key, p_expires_in=30)
    await known.authorize(ask(shown))
    assert expected(known, shown) == (True, 20)
    supabase.fault = lambda call: Fault.REFUSE
    assert (await known.authorize(ask(shown))).allowed
    clock = cached_key.time.monotonic
    monkeypatch.setattr(cached_key.time, "monotonic", lambda: clock() + 31)
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(shown))


async def test_a_token_that_was_only_seen_reading_has_nothing_of_the_key_s_while_it_is_away(
    known: VerdictCache, store: SupabaseStore, supabase: StandIn
):
    key = await create(store, p_visitors={"by": ["token"], "tokens_per_day": 50})
    await known.authorize(ask(key))  # the site's own server
    shown = await token(store, key)
    identity = await known.identify(Caller(shown.hash), "chat", None)
    assert identity.allowed and identity.visitor
    assert expected(known, shown) is None
    supabase.fault = lambda call: Fault.REFUSE
    with pytest.raises(StoreUnavailable):
        await known.authorize(ask(shown))


async def test_one_visitor_who_is_refused_leaves_the_others_as_they_are(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store, p_visitors={"by": ["address"]})
    await known.authorize(ask(key, claim=HERE))
    refused = await known.authorize(ask(key, claim=Claim()))
    assert refused.reason == "visitor_unknown"
    assert expected(known, key, claim=HERE) == (True, 20)


async def test_two_tokens_of_a_visitor_are_one_payer_and_two_places_are_two(
    known: VerdictCache, store: SupabaseStore
):
    key = await create(store, p_visitors={"by": ["token"]})
    first, second = [Caller((await token(store, key)).hash) for _ in range(2)]
    for caller in (Caller(key.hash), first, second):
        await known.identify(caller, "chat", None)
    assert known.keys.payer(first) == known.keys.payer(second)
    assert known.keys.payer(first).key == known.keys.payer(Caller(key.hash)).key
    assert known.keys.payer(Caller(key.hash)).visitor is None
    place = await create(store, p_visitors={"by": ["address"]})
    here, there = (Caller(place.hash, claim) for claim in (HERE, THERE))
    for caller in (here, there):
        await known.identify(caller, "chat", None)
    assert known.keys.payer(here).key == known.keys.payer(there).key
    assert known.keys.payer(here) != known.keys.payer(there)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            Claim("2001:db8::/64", "2001:db8::/48"),
            Claim("2001:db8:0:1::/64", "2001:db8::/48"),
            True,
        ),
        (
            Claim("2001:db8::/64", "2001:db8::/48"),
            Claim("2001:db8:1::/64", "2001:db8:1::/48"),
            False,
        ),
        (
            Claim("192.0.2.1", subject="a", anonymous=True),
            Claim("192.0.2.1", subject="b", anonymous=True),
            True,
        ),
        (Claim("192.0.2.1", subject="a"), Claim("192.0.2.1", subject="b"), False),
    ],
    ids=["one network", "two networks", "not logged in", "users"],
)
async def test_who_can_have_many_names_is_one_payer_by_place(
    known: VerdictCache, one: Claim, other: Claim, same: bool
):
    assert (known.keys.payer(Caller("a", one)) == known.keys.payer(Caller("a", other))) is same
