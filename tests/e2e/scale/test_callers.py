"""Whoever calls is the same at each of several gateways: what one has counted binds the other."""

import asyncio
import re
from typing import Any

import httpx

from tests.e2e.scale.conftest import Pair
from tests.support.callers import admin, bearer, connect, make_key, make_keys
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import PROMPT_TOKENS, WORDS
from tests.support.visitors import ask, key_with, mint, told, used

TOKENS = PROMPT_TOKENS + len(WORDS)


def asked(gateway: GatewayProcess, headers: dict[str, str]) -> httpx.Response:
    with connect(gateway.url) as client:
        return ask(client, headers)


def month(gateway: GatewayProcess, key: str) -> Any:
    with connect(gateway.url) as client:
        return client.get("/v1/usage", headers=bearer(key)).json()["month"]


def becomes(true: Any) -> None:
    """What one gateway has counted, the other knows as soon as it is sent."""
    asyncio.run(eventually(lambda: asyncio.to_thread(true)))


def test_a_token_that_one_gateway_made_is_used_and_used_up_at_both(pair: Pair):
    first, second = pair
    site = key_with(first.url, "token", tokens_per_day=10_000)
    token = bearer(mint(first.url, site, "alice", uses=2))
    assert told(asked(second, token)) == (200, "")
    assert told(asked(first, token)) == (200, "")
    assert told(asked(second, token)) == (401, "visitor_token_used_up")


def test_a_visitor_by_address_is_the_same_one_at_both(pair: Pair):
    first, second = pair
    key = key_with(first.url, "address", tokens_per_day=10_000, requests_per_min=3)
    here = {**bearer(key), "X-Forwarded-For": "192.0.2.7"}
    for gateway in (first, second, first):
        assert told(asked(gateway, here)) == (200, "")
    assert told(asked(second, here)) == (429, "visitor_rate_limit_exceeded")
    with connect(second.url) as client:
        becomes(lambda: used(client, here) == (3, 3 * TOKENS))


def test_the_requests_of_a_minute_are_those_of_both(pair: Pair):
    first, second = pair
    key = make_key(first.url, rate_limit_per_min=4)
    answers = [asked(one, bearer(key)) for one in (first, second, second, first)]
    left = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
    assert left == ["3", "2", "1", "0"]
    for gateway in pair:
        assert told(asked(gateway, bearer(key))) == (429, "rate_limit_exceeded")


def test_either_reports_what_both_have_counted(pair: Pair):
    first, second = pair
    key = make_key(first.url)
    for gateway in (first, second, second):
        assert asked(gateway, bearer(key)).is_success
    for gateway in pair:
        becomes(lambda one=gateway: month(one, key)["tokens_used"] == 3 * TOKENS)
        assert month(gateway, key)["requests"] == 3


def test_a_page_of_one_gets_its_modules_from_the_other(pair: Pair):
    first, second = (one.url for one in pair)
    for path in ("/account", "/console"):
        with connect(first) as here, connect(second) as there:
            modules = re.findall(rf'"({path}/[0-9a-f]{{16}}/[^"]+)"', here.get(path).text)
            assert len(modules) > 5
            assert {there.get(one).status_code for one in modules} == {200}


def test_what_the_owner_does_at_one_binds_the_other_at_once(pair: Pair):
    first, second = pair
    made = make_keys(first.url)
    key, path = bearer(made["key"]), f"/api-keys/{made['id']}"
    assert asked(second, key).is_success
    admin(first.url, "PATCH", path, {"allowed_models": ["another:*"]})
    assert told(asked(second, key))[0] in {403, 404}
    admin(first.url, "PATCH", path, {"allowed_models": ["*"]})
    assert asked(second, key).is_success
    admin(first.url, "DELETE", path)
    assert told(asked(second, key)) == (401, "invalid_api_key")
