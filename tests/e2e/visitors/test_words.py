"""What a visitor at a limit is told on each route: whose limit, and when it is free again."""

import asyncio

import httpx
import pytest

from tests.support.callers import bearer, connect
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream, answer
from tests.support.visitors import WAYS, Way, ask, key_with, mint, told, words
from tests.support.watching_client import Client

HAS_CODES = ("/v1/chat/completions", "/v1/generate")
DAY = 86_400


def code(way: Way, said: httpx.Response, expected: str) -> None:
    assert said.status_code == 429, said.text
    if way.path in HAS_CODES:
        assert told(said)[1] == expected
    if way.path == "/v1/messages":
        assert said.json()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.path)
def test_a_visitor_who_calls_too_often_waits_and_others_do_not(
    gateway: GatewayProcess, client: httpx.Client, upstream: FakeUpstream, way: Way, stream: bool
) -> None:
    site = key_with(gateway.url, "token", requests_per_min=1)
    alice, bob = (bearer(mint(gateway.url, site, name)) for name in ("alice", "bob"))
    assert ask(client, alice, way, stream=stream).status_code == 200
    refused = ask(client, alice, way, stream=stream)
    code(way, refused, "visitor_rate_limit_exceeded")
    wait = int(refused.headers["retry-after"])
    assert 0 < wait <= 61
    assert words(refused).startswith("Too many requests of this visitor.")
    assert ask(client, bob, way, stream=stream).status_code == 200
    assert len(upstream.chats) == 2


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.path)
def test_a_visitor_who_used_up_the_day_learns_when_the_next_begins(
    gateway: GatewayProcess, client: httpx.Client, upstream: FakeUpstream, way: Way
) -> None:
    site = key_with(gateway.url, "token", tokens_per_day=5)
    alice = bearer(mint(gateway.url, site, "alice"))
    for stream in (False, True):
        refused = ask(client, alice, way, stream=stream)
        code(way, refused, "visitor_quota")
        assert 0 < int(refused.headers["retry-after"]) <= DAY
        assert "left of this visitor's day" in words(refused)
        assert "5 of 5 are left until" in words(refused)
    assert upstream.chats == []


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.path)
def test_what_running_requests_hold_is_not_called_used_up(
    gateway: GatewayProcess, upstream: FakeUpstream, way: Way
) -> None:
    site = key_with(gateway.url, "token", tokens_per_day=100)
    token = mint(gateway.url, site, "alice")
    gate = upstream.gate()

    async def hold(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    async def play() -> None:
        first = await Client.ask(gateway.url, token, "first")
        await asyncio.to_thread(upstream.wait_for_chats, 1)

        def second() -> httpx.Response:
            with connect(gateway.url) as client:
                return ask(client, bearer(token), way)

        refused = await asyncio.to_thread(second)
        code(way, refused, "rate_limit_exceeded")
        assert "Requests of this visitor that run now" in words(refused)
        assert int(refused.headers["retry-after"]) == 5
        gate.open()
        assert (await first.answer()).complete
        assert (await asyncio.to_thread(second)).status_code == 200

    upstream.behave = hold
    asyncio.run(play())
