"""Tokens that stand for a site's key in the page of one visitor."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, new_hash, settlement
from tests.support.sql.visitors import days, mint, report, token_of

pytestmark = pytest.mark.anyio

PAGE = "https://shop.example"
BY_TOKEN = {"by": ["token"], "tokens_per_day": 1000}


async def test_a_token_is_used_like_a_key_and_counts_for_its_visitor(ledger: Ledger):
    key = await ledger.key(visitors=BY_TOKEN)
    token = await token_of(ledger, key, "ada")
    request = await ledger.hold(key._replace(hash=token), prompt=10, output=20)
    await ledger.settle(settlement(request, 3, 4))
    assert list((await days(ledger, key)).values()) == [(7, 0, 1)]
    assert await ledger.month(key) == (7, 0, 1)
    told = await report(ledger, token)
    assert told["day"]["tokens_used"] == 7 and told["day"]["tokens_remaining"] == 993
    assert told["by_day"][0]["total_tokens"] == 7 and "key" not in str(told)


async def test_all_tokens_of_a_visitor_share_the_day(ledger: Ledger):
    key = await ledger.key(visitors=BY_TOKEN)
    first, second = [await token_of(ledger, key, "ada") for _ in range(2)]
    assert (await ledger.authorize(first, prompt=10, output=900)).allowed
    assert (await ledger.authorize(second, prompt=10, output=900)).granted == 80
    other = await token_of(ledger, key, "bob")
    assert (await ledger.authorize(other, prompt=10, output=900)).granted == 900


async def test_a_token_ends_when_its_time_is_over_and_never_outlives_its_key(ledger: Ledger):
    key = await ledger.key(visitors=BY_TOKEN, expires_at=NOON + 300 * SECOND)
    token = await token_of(ledger, key, "ada", expires_in=60)
    assert (await ledger.authorize(token, NOON + 59 * SECOND)).allowed
    late = await ledger.authorize(token, NOON + 60 * SECOND)
    assert late.reason == "visitor_token_expired"
    made = await mint(ledger, key, "ada", new_hash(), expires_in=86_400)
    assert made["expires_at"] == "2030-01-15T12:05:00Z"
    other = await ledger.key(visitors=BY_TOKEN)
    token = await token_of(ledger, other, "ada")
    await ledger.admin("revoke_api_key", NOON, other.id)
    assert (await ledger.authorize(token)).reason == "key_revoked"


async def test_a_token_lives_on_when_its_key_is_rotated(ledger: Ledger):
    key = await ledger.key(visitors=BY_TOKEN)
    token = await token_of(ledger, key, "ada")
    await ledger.admin("rotate_api_key", NOON, key.id, new_hash(), "llm_next", 0)
    assert (await ledger.authorize(token)).allowed


async def test_a_token_has_as_many_uses_as_it_was_given_however_many_ask_at_once(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    key = await ledger.key(visitors=BY_TOKEN)
    token = await token_of(ledger, key, "ada", uses=3)
    ledgers = [await open_more() for _ in range(20)]
    answers = await asyncio.gather(*(one.authorize(token, prompt=1, output=1) for one in ledgers))
    assert sum(one.allowed for one in answers) == 3
    assert {one.reason for one in answers} == {None, "visitor_token_used_up"}
    assert list((await days(ledger, key)).values()) == [(0, 6, 0)]
    assert await ledger.month(key) == (0, 6, 0)
    assert await ledger.value("select count(*) from gateway.holds") == 3


async def test_a_token_narrows_its_key_and_never_widens_it(ledger: Ledger):
    key = await ledger.key(
        cap=50, models=["small", "large"], origins=[PAGE], scopes=["chat"], visitors=BY_TOKEN
    )
    token = await token_of(ledger, key, "ada", models=["small"], cap=7, page=PAGE)

    async def reason(**ask: Any) -> str | None:
        return (await ledger.authorize(token, **{"model": "small", "origin": PAGE, **ask})).reason

    assert await reason() is None
    assert (await ledger.authorize(token, model="small", origin=PAGE)).granted == 7
    assert await reason(model="large") == "model_not_allowed"
    assert await reason(origin="https://else.example") == "origin_not_allowed"
    assert await reason(origin=None) == "origin_not_allowed"
    assert await reason(scope="embeddings") == "scope_missing"
    wider = await token_of(ledger, key, "bob", cap=900)
    assert (await ledger.authorize(wider, model="small", output=900)).granted == 50
    refused = await mint(ledger, key, "ada", new_hash(), models=["small", "huge"])
    assert refused == {"refusal": "model_not_allowed", "detail": "huge"}
    refused = await mint(ledger, key, "ada", new_hash(), page="https://else.example")
    assert refused["refusal"] == "invalid"
    key_narrowed = '{"allowed_models": ["large"]}'
    await ledger.admin("update_api_key", NOON, key.id, key_narrowed)
    assert await reason() == "model_not_allowed"
    identity = await ledger.identify(key._replace(hash=token), origin=PAGE)
    assert identity.allowed and identity.allowed_models == []


async def test_a_page_may_not_use_the_site_s_key_itself_but_its_server_may(ledger: Ledger):
    key = await ledger.key(origins=[PAGE], visitors=BY_TOKEN | {"max_output_tokens": 5})
    assert (await ledger.authorize(key, origin=PAGE)).reason == "visitor_token_required"
    server = await ledger.authorize(key, output=20)
    assert (server.granted, server.visitor) == (20, None)  # what is a visitor's limit is not its
    refused = await mint(ledger, key, "ada", new_hash(), origin=PAGE)
    assert refused["refusal"] == "visitor_token_required"


async def test_a_token_is_nothing_once_its_key_has_no_visitors_by_token(ledger: Ledger):
    key = await ledger.key(visitors=BY_TOKEN)
    token = await token_of(ledger, key, "ada")
    for visitors in ("null", '{"by": ["address"]}'):
        await ledger.admin("update_api_key", NOON, key.id, f'{{"visitors": {visitors}}}')
        assert (await ledger.authorize(token)).reason == "visitor_token_expired"
        refused = await mint(ledger, key, "ada", new_hash())
        assert refused["refusal"] == "visitors_by_token_off"


async def test_no_token_makes_a_token(ledger: Ledger):
    key = await ledger.key(visitors=BY_TOKEN)
    token = await token_of(ledger, key, "ada")
    refused = await mint(ledger, key._replace(hash=token), "bob", new_hash())
    assert refused["refusal"] == "invalid_api_key"


async def test_ids_of_visitors_are_kept_in_clear_only_where_the_site_wants_it(ledger: Ledger):
    for keep, name in ((True, "ada"), (False, None)):
        key = await ledger.key(visitors={**BY_TOKEN, "keep_names": keep})
        token = await token_of(ledger, key, "ada")
        await ledger.hold(key._replace(hash=token))
        sql = "select name from gateway.visitor_counters where api_key_id = $1"
        assert await ledger.value(sql, key.id) == name
        sql = "select name from gateway.visitor_tokens where api_key_id = $1"
        assert await ledger.value(sql, key.id) == name


async def test_tokens_are_forgotten_a_day_after_their_end(ledger: Ledger):
    key = await ledger.key(visitors=BY_TOKEN)
    await token_of(ledger, key, "ada")
    later = NOON + 2 * DAY
    await ledger.steady(later)
    await ledger.admin("keep_house", later, 12)
    assert await ledger.value("select count(*) from gateway.visitor_tokens") == 0
