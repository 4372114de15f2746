"""`POST /v1/generate` through a real gateway: the default model, aliases, limits, odd model
servers, clients that leave."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.books import Books, Row
from tests.support.callers import bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_exchange import usage
from tests.support.fake_upstream import PROMPT_TOKENS, WORDS, Exchange, FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.raw_client import request

__all__ = ["upstream_of_all"]
ROUTE = "/v1/generate"
TEXT = "".join(WORDS)
USAGE = usage(PROMPT_TOKENS, len(WORDS))


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    names = {"OLLAMA_DEFAULT_MODEL": "my-default", "MODEL_ALIASES": "my-default=fake"}
    with served(shared_upstream.url, shared_dsn, HEARTBEAT_SECONDS=0.2, **names) as running:
        yield running


class Caller:
    """A key of its own, and what the books say of its only request."""

    def __init__(self, gateway: GatewayProcess, dsn: str) -> None:
        self.url = gateway.url
        self.books = Books(dsn)
        self.key = asyncio.run(self.books.make_key())

    def ask(self, **fields: Any) -> httpx.Response:
        with connect(self.url) as client:
            body = {"prompt": "hi", **fields}
            return client.post(ROUTE, json=body, headers=bearer(self.key))

    def row(self) -> Row:
        [row] = asyncio.run(self.books.settled(1)).values()
        return row


@pytest.fixture
def caller(upstream: FakeUpstream, gateway: GatewayProcess, shared_dsn: str) -> Caller:
    return Caller(gateway, shared_dsn)


def events(text: str) -> list[dict[str, Any]]:
    """The events of a stream, less the signs of life."""
    found = [one for one in text.split("\n\n") if one and not one.startswith(": ")]
    return [json.loads(one.removeprefix("data: ")) for one in found]


def test_where_no_model_is_named_the_default_one_answers_under_its_name(
    caller: Caller, upstream: FakeUpstream
) -> None:
    answer = caller.ask()
    assert answer.json() == {
        "id": answer.headers["x-request-id"],
        "model": "my-default",
        "response": TEXT,
        "finish_reason": "stop",
        "usage": USAGE,
    }
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) > 0
    assert upstream.chats[0].json["model"] == "fake"
    assert caller.row().counts == (PROMPT_TOKENS, len(WORDS))


def test_a_stream_comes_in_pieces_and_ends_with_the_usage(caller: Caller) -> None:
    *pieces, last = events(caller.ask(model="fake", stream=True).text)
    assert pieces == [{"response": word} for word in WORDS]
    assert (last["done"], last["model"], last["usage"]) == (True, "fake", USAGE)
    assert caller.row().counts == (PROMPT_TOKENS, len(WORDS))


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_reports_nothing_is_estimated_and_the_estimate_is_told(
    caller: Caller, upstream: FakeUpstream, stream: bool
) -> None:
    async def behave(exchange: Exchange) -> None:
        if not stream:
            await exchange.whole({**exchange.completion(), "usage": None})
            return
        await exchange.head()
        await exchange.words()
        await exchange.event("[DONE]")
        await exchange.end()

    upstream.behave = behave
    answer = caller.ask(stream=stream)
    told = events(answer.text)[-1] if stream else answer.json()
    row = caller.row()
    assert row.usage_source == "estimated"
    assert min(row.counts) > 0
    assert told["usage"] == usage(*row.counts)


@pytest.mark.parametrize(
    "behaviour",
    [
        {"error": {"message": "out of memory at /home/me/x"}},
        {"choices": [{"delta": {"content": ["parts"]}}]},
        "no JSON",
    ],
)
def test_a_stream_that_breaks_ends_as_an_error_and_is_counted(
    caller: Caller, upstream: FakeUpstream, behaviour: object
) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words()
        await exchange.event(behaviour)
        await exchange.event("[DONE]")
        await exchange.end()

    upstream.behave = behave
    answer = caller.ask(stream=True)
    *pieces, last = events(answer.text)
    assert pieces == [{"response": word} for word in WORDS]
    assert last["error"]["code"] == "upstream_error"
    assert "/home" not in answer.text
    row = caller.row()
    assert row.usage_source == "estimated"
    assert row.status == "upstream_error"
    assert row.completion_tokens >= len(WORDS)


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"message": {"content": [{"text": TEXT}]}, "finish_reason": "stop"}]},
        {"error": {"message": "boom"}},
        b"<html>",
    ],
)
def test_a_whole_answer_that_is_none_is_an_error_and_what_was_generated_is_counted(
    caller: Caller, upstream: FakeUpstream, body: Any
) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.whole(body)

    upstream.behave = behave
    answer = caller.ask()
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_error"
    generated = isinstance(body, dict) and "choices" in body
    assert (caller.row().completion_tokens > 0) is generated


def test_a_whole_answer_where_a_stream_was_asked_is_an_error_and_counted(
    caller: Caller, upstream: FakeUpstream
) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.whole(exchange.completion())

    upstream.behave = behave
    assert caller.ask(stream=True).status_code == 502
    assert caller.row().counts == (PROMPT_TOKENS, len(WORDS))


def test_a_model_that_thinks_shows_signs_of_life_and_not_its_thoughts(
    caller: Caller, upstream: FakeUpstream
) -> None:
    gate = upstream.gate()

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.event(exchange.chunk([{"index": 0, "delta": {"reasoning": "secret"}}]))
        await gate.passed()
        await exchange.words()
        await exchange.usage()

    upstream.behave = behave
    text = ""
    with (
        connect(caller.url) as client,
        client.stream(
            "POST", ROUTE, json={"prompt": "x", "stream": True}, headers=bearer(caller.key)
        ) as answer,
    ):
        for part in answer.iter_text():
            text += part
            gate.open()
    assert text.startswith(": ")
    assert "secret" not in text
    assert events(text)[-1]["usage"] == USAGE


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_the_model_and_pays_for_what_was_produced(
    caller: Caller, gateway: GatewayProcess, upstream: FakeUpstream, stream: bool
) -> None:
    gate = upstream.gate()

    async def behave(exchange: Exchange) -> None:
        if stream:
            await exchange.head()
            await exchange.words()
        await gate.passed()

    upstream.behave = behave

    body = json.dumps({"prompt": "x", "stream": stream}).encode()
    asked = request("POST", ROUTE, body, f"X-API-Key: {caller.key}")
    with socket.create_connection(("127.0.0.1", gateway.port)) as line:
        line.sendall(asked)
        upstream.wait_for_chats(1)
        seen = b""
        while stream and WORDS[0].encode() not in seen:  # before it there may be signs of life
            seen += line.recv(65536)
    exchange = upstream.chats[0]
    assert upstream.wait_until(lambda: exchange.gone)
    row = caller.row()
    assert row.status == "client_gone"
    assert (row.completion_tokens > 0) is stream


def test_a_key_without_the_scope_or_tokens_may_not(
    gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    with connect(gateway.url) as client:
        for fields, status in (
            ({"scopes": ["embeddings"]}, 403),
            ({"allowed_models": ["another"]}, 403),
            ({"monthly_token_limit": 3}, 429),
        ):
            headers = bearer(make_key(gateway.url, **fields))
            assert client.post(ROUTE, json={"prompt": "hi"}, headers=headers).status_code == status
        assert client.post(ROUTE, json={"prompt": "hi"}).status_code == 401
        assert client.get(ROUTE).status_code == 405
    assert upstream.chats == []


def test_the_granted_cap_is_what_the_key_has_left(
    gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    key = make_key(gateway.url, monthly_token_limit=100)
    with connect(gateway.url) as client:
        client.post(ROUTE, json={"prompt": "hi", "max_tokens": 1000}, headers=bearer(key))
    assert upstream.chats[0].json["max_tokens"] == 100 - (2 + 32)
