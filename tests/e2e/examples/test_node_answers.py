"""The clients of npm, unmodified, against a real gateway: what they get, and what is counted."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.examples import behaviours
from tests.e2e.examples.node_client import NodeClient
from tests.support.callers import counted
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import PROMPT_TOKENS, WORDS, FakeUpstream

TEXT = "".join(WORDS)
ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))
streamed_or_not = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])

# How each family of routes tells the model what its tool has returned.
RESULTS: dict[str, Callable[[Any], object]] = {
    "/v1/chat/completions": lambda last: last["content"],
    "/api/chat": lambda last: last["content"],
    "/v1/messages": lambda last: last["content"][0]["content"],
}


@streamed_or_not
def test_an_answer_comes_as_the_model_gave_it_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, key: str, streaming: bool
) -> None:
    got = client.ask(gateway.url, key, stream=streaming)
    assert got.error is None
    assert got.text == (list(WORDS) if streaming else [TEXT])
    assert got.usage == ONE_CALL[1:]
    assert (got.requests, got.warnings) == (1, [])
    assert counted(gateway.url, key) == ONE_CALL
    assert key.encode() not in upstream.chats[0].raw


@streamed_or_not
def test_a_round_trip_of_tools_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, key: str, streaming: bool
) -> None:
    upstream.behave = behaviours.use_tool
    got = client.ask(gateway.url, key, stream=streaming, tools=True)
    assert got.error is None
    [call] = got.calls
    assert (call["name"], call["arguments"]) == ("get_weather", {"city": "Paris"})
    assert "".join(got.text) == TEXT
    assert (got.requests, got.warnings) == (2, [])
    called, answered = upstream.chats
    assert '"get_weather"' in str(called.json["tools"]).replace("'", '"')
    last = answered.json["messages"][-1]
    assert RESULTS[answered.target](last) == "18 degrees in Paris"
    assert counted(gateway.url, key) == (2, 80 + PROMPT_TOKENS, 31 + len(WORDS))


@pytest.mark.parametrize("client", ["openai", "ai_sdk"], indirect=True)
@streamed_or_not
def test_a_response_comes_as_ollama_gave_it_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, key: str, streaming: bool
) -> None:
    upstream.behave = behaviours.respond
    got = client.ask(gateway.url, key, stream=streaming, responses=True)
    assert got.error is None
    assert "".join(got.text).startswith("Name three colours")
    assert len(got.text) == (16 if streaming else 1)
    assert got.usage == (13, 16)
    assert (got.requests, got.warnings) == (1, [])
    assert counted(gateway.url, key) == (1, 13, 16)
    assert upstream.chats[0].target == "/v1/responses"


@pytest.mark.parametrize("client", ["openai", "ollama", "ai_sdk", "langchain"], indirect=True)
def test_vectors_come_as_ollama_made_them_and_are_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, key: str
) -> None:
    upstream.behave = behaviours.embed
    texts = ["hello world", "a longer second sentence here"]
    got = client.ask(gateway.url, key, texts=texts)
    assert got.error is None
    made = [one["embedding"] for one in behaviours.VECTORS["data"]]
    assert len(got.vectors) == len(made) == 2
    for vector, original in zip(got.vectors, made, strict=True):
        assert vector == pytest.approx(original, rel=1e-6)
    assert (got.requests, got.warnings) == (1, [])
    assert upstream.chats[0].json["input"] == texts
    assert counted(gateway.url, key) == (1, 9, 0)
