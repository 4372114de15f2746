"""Visitors of a key: each has limits of their own, beside the key's."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, settlement
from tests.support.sql.visitors import BY_ADDRESS, WRONG, at, days, report

pytestmark = pytest.mark.anyio

Open = Callable[[], Awaitable[Ledger]]


@pytest.mark.parametrize("told", ["honest", "too much"])
async def test_200_first_requests_at_once_of_an_unknown_visitor_stay_within_the_day(
    ledger: Ledger, open_more: Open, told: str
):
    key = await ledger.key(visitors=BY_ADDRESS)
    ledgers = [await open_more() for _ in range(40)]

    async def caller(number: int) -> bool:
        one, request = ledgers[number % 40], uuid4()
        verdict = await one.authorize(
            key, request=request, prompt=20, output=60, visitor=at("203.0.113.7")
        )
        if not verdict.allowed:
            assert verdict.reason in {"visitor_tokens_held", "visitor_quota"}
            return False
        made = verdict.granted if told == "honest" else 500
        assert await one.settle(settlement(request, 20, made)) == (1, 0)
        return True

    async def of_one_connection(number: int) -> list[bool]:
        return [await caller(one) for one in range(number, 200, 40)]

    allowed = sum(map(sum, await asyncio.gather(*(of_one_connection(n) for n in range(40)))))
    [(used, held, requests)] = (await days(ledger, key)).values()
    assert (held, requests) == (0, allowed) and 0 < used <= 1000
    assert await ledger.month(key) == (used, 0, allowed)
    assert await ledger.value("select count(*) from gateway.holds") == 0


async def test_50_visitors_with_20_requests_each_pass_neither_limit(
    ledger: Ledger, open_more: Open
):
    limit = 50 * 1000 // 2
    key = await ledger.key(limit=limit, visitors=BY_ADDRESS)
    ledgers = [await open_more() for _ in range(50)]

    async def visitor(number: int) -> None:
        chance = random.Random(number)
        for _ in range(20):
            request, output = uuid4(), chance.randrange(1, 90)
            verdict = await ledgers[number].authorize(
                key, request=request, prompt=30, output=output, visitor=at(f"192.0.2.{number}")
            )
            if verdict.allowed:
                assert verdict.granted <= output
                await ledgers[number].settle(settlement(request, 30, verdict.granted))
            else:
                assert verdict.reason is not None

    await asyncio.gather(*map(visitor, range(50)))
    counters = await days(ledger, key)
    used, held, requests = await ledger.month(key)
    assert len(counters) == 50 and all(one[0] <= 1000 for one in counters.values())
    assert sum(one[0] for one in counters.values()) == used <= limit
    assert sum(one[2] for one in counters.values()) == requests
    assert held == 0 == sum(one[1] for one in counters.values())
    daily = "select sum(charged_tokens)::bigint from gateway.visitor_daily where not is_pool"
    assert await ledger.value(daily) == used
    assert used > limit * 0.9


async def test_one_visitor_that_used_up_the_day_is_in_nobodys_way(ledger: Ledger):
    key = await ledger.key(limit=100_000, visitors=BY_ADDRESS)
    greedy, other = at("192.0.2.1"), at("192.0.2.2")
    request = await ledger.hold(key, prompt=10, output=990, visitor=greedy)
    held = await ledger.authorize(key, prompt=10, output=20, visitor=greedy)
    assert (held.reason, held.retry_after_ms) == ("visitor_tokens_held", 5000)
    await ledger.settle(settlement(request, 10, 990))
    refused = await ledger.authorize(key, prompt=10, output=20, visitor=greedy)
    assert refused.reason == "visitor_quota" and refused.visitor
    assert refused.retry_after_ms == 12 * 3600 * 1000
    assert refused.visitor.tokens_remaining == 0 and refused.visitor.token_limit == 1000
    assert refused.visitor.day_resets_at == NOON + 12 * 3600 * SECOND
    assert (await ledger.authorize(key, visitor=other)).allowed
    assert await ledger.month(key) == (1000, 30, 1)
    tomorrow = await ledger.authorize(key, NOON + DAY, prompt=10, output=20, visitor=greedy)
    assert tomorrow.allowed and tomorrow.granted == 20


async def test_a_refused_visitor_takes_nothing_of_the_key(ledger: Ledger):
    key = await ledger.key(rate=100, visitors={"by": ["address"], "requests_per_min": 2})
    answers = [await ledger.authorize(key, visitor=at("192.0.2.1")) for _ in range(5)]
    assert [one.reason for one in answers] == [None, None] + ["visitor_rate_limit_exceeded"] * 3
    assert answers[-1].rate_remaining == 98
    assert answers[-1].retry_after_ms == 61_000
    assert answers[-1].visitor and answers[-1].visitor.rate_remaining == 0
    assert await ledger.value("select count(*) from gateway.holds") == 2
    later = await ledger.authorize(key, NOON + 61 * SECOND, visitor=at("192.0.2.1"))
    assert later.allowed


async def test_the_key_s_limit_refuses_a_visitor_without_a_trace_in_theirs(ledger: Ledger):
    key = await ledger.key(limit=15, visitors=BY_ADDRESS)
    refused = await ledger.authorize(key, prompt=20, output=5, visitor=at("192.0.2.1"))
    assert refused.reason == "insufficient_quota"
    assert await days(ledger, key) == {}


async def test_a_refused_visitor_learns_nothing_of_the_key(ledger: Ledger):
    key = await ledger.key(limit=15, models=["a-model"], visitors=BY_ADDRESS)
    claim = at("192.0.2.1")
    wrong = await ledger.authorize(key, model="another", visitor=claim)
    assert wrong.reason == "model_not_allowed"
    assert (wrong.key_id, wrong.rate_limit, wrong.token_limit) == (None, None, None)
    quota = await ledger.authorize(key, prompt=20, output=5, visitor=claim)
    assert quota.reason == "insufficient_quota" and quota.visitor  # which is told in its place


async def test_the_same_request_asked_again_is_held_once(ledger: Ledger):
    key = await ledger.key(visitors=BY_ADDRESS)
    request, claim = uuid4(), at("192.0.2.1")
    answers = [await ledger.authorize(key, request=request, visitor=claim) for _ in range(3)]
    assert [one.granted for one in answers] == [20] * 3
    assert list((await days(ledger, key)).values()) == [(0, 30, 0)]


async def test_an_output_cap_of_visitors_cuts_their_grant(ledger: Ledger):
    key = await ledger.key(cap=50, visitors={**BY_ADDRESS, "max_output_tokens": 7})
    assert (await ledger.authorize(key, visitor=at("192.0.2.1"))).granted == 7


async def test_a_network_has_what_16_visitors_have(ledger: Ledger):
    key = await ledger.key(visitors={"by": ["address"], "requests_per_min": 1})
    network = "2001:db8:1::/48"
    answers = [
        await ledger.authorize(key, visitor=at(f"2001:db8:1:{number:x}::/64", network))
        for number in range(20)
    ]
    assert [one.allowed for one in answers] == [True] * 16 + [False] * 4
    assert (await ledger.authorize(key, visitor=at("2001:db8:2::/64", "2001:db8:2::/48"))).allowed


async def test_without_an_address_nobody_is_let_in_by_address(ledger: Ledger):
    key = await ledger.key(visitors=BY_ADDRESS)
    for claim in (None, {}, {"address": None}):
        answer = await ledger.authorize(key, visitor=claim, capped=True)
        assert answer.reason == "visitor_unknown"


async def test_an_address_has_another_id_every_day_and_none_of_the_key(ledger: Ledger):
    keys = [await ledger.key(visitors=BY_ADDRESS) for _ in range(2)]
    ids = {
        verdict.visitor.id
        for key in keys
        for day in range(2)
        if (
            verdict := await ledger.authorize(key, NOON + day * DAY, visitor=at("192.0.2.1"))
        ).visitor
    }
    assert len(ids) == 4


@pytest.mark.parametrize("scope", ["models:pull", "chat ollama:native", "models:read models:pull"])
async def test_no_visitor_changes_the_machine(ledger: Ledger, scope: str):
    scopes = ["chat", "models:read", "models:pull", "ollama:native"]
    key = await ledger.key(scopes=scopes, visitors=BY_ADDRESS)
    answer = await ledger.authorize(key, scope=scope, visitor=at("192.0.2.1"))
    assert answer.reason == "scope_missing"


@pytest.mark.parametrize(("visitors", "said"), WRONG)
async def test_wrong_visitors_are_refused_in_words_when_made_changed_and_imported(
    ledger: Ledger, visitors: Any, said: str
):
    made = await ledger.create(visitors=visitors)
    assert made["refusal"] == "invalid_visitors" and said in made["detail"], made
    key = await ledger.key()
    changed = await ledger.admin("update_api_key", NOON, key.id, json.dumps({"visitors": visitors}))
    assert changed == made


async def test_visitors_are_shown_as_they_were_set_and_numbers_are_whole(ledger: Ledger):
    made = await ledger.create(visitors={"by": ["token"], "tokens_per_day": None})
    assert made["visitors"] == {"by": ["token"]}
    text = '{"visitors": {"by": ["address"], "tokens_per_day": 1000.0, "requests_per_min": 1e1}}'
    changed = await ledger.admin("update_api_key", NOON, made["id"], text)
    assert changed["visitors"] == {
        "by": ["address"],
        "tokens_per_day": 1000,
        "requests_per_min": 10,
    }
    gone = await ledger.admin("update_api_key", NOON, made["id"], '{"visitors": null}')
    assert gone["visitors"] is None


async def test_a_limit_that_there_is_not_is_not_told_as_one_that_is_used_up(ledger: Ledger):
    for limits, rate, tokens in (
        ({}, None, None),
        ({"tokens_per_day": 1000}, None, 970),
        ({"requests_per_min": 5}, 4, None),
    ):
        key = await ledger.key(visitors={"by": ["address"], **limits})
        told = (await ledger.authorize(key, visitor=at("192.0.2.1"))).visitor
        assert told
        assert (told.rate_remaining, told.tokens_remaining) == (rate, tokens)
        day = (await report(ledger, key.hash, at("192.0.2.1")))["day"]
        assert day["tokens_remaining"] == tokens
