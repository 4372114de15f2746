"""The unmodified `ollama` package against a real gateway: what it gets, and what is counted."""

import asyncio
from typing import Any

import pytest
from ollama import AsyncClient, Client

from tests.e2e.ollama.client.asked import ASKED, ONE_CALL, TEXT
from tests.support.callers import bearer, counted
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_ollama import STREAMS
from tests.support.fake_upstream import MODEL, WORDS, Exchange, FakeUpstream
from tests.support.paths import RECORDINGS


def recorded(name: str) -> bytes:
    return RECORDINGS.joinpath(name, "response.body").read_bytes()


def test_a_whole_chat_comes_as_the_model_gave_it_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str
) -> None:
    answer = client.chat(MODEL, ASKED, options={"num_predict": 9, "temperature": 0})
    assert answer.message.content == TEXT
    assert (answer.done, answer.eval_count) == (True, len(WORDS))
    sent = upstream.chats[0].json
    assert (sent["messages"], sent["stream"]) == (ASKED, False)
    assert sent["options"] == {"num_predict": 9, "temperature": 0}
    assert counted(gateway.url, key) == ONE_CALL


def test_a_streamed_chat_comes_word_by_word_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str
) -> None:
    parts = list(client.chat(MODEL, ASKED, stream=True))
    assert [part.message.content for part in parts] == [*WORDS, ""]
    assert [part.done for part in parts] == [False] * len(WORDS) + [True]
    assert (parts[-1].prompt_eval_count, parts[-1].eval_count) == ONE_CALL[1:]
    assert counted(gateway.url, key) == ONE_CALL


@pytest.mark.parametrize("streaming", [False, True])
def test_generate_goes_on_from_a_prompt_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str, streaming: bool
) -> None:
    got: Any = client.generate(
        MODEL, "Say hello.", system="Be brief.", stream=streaming, think=False, format="json"
    )
    parts = list(got) if streaming else [got]
    assert "".join(part.response for part in parts) == TEXT
    assert (parts[-1].prompt_eval_count, parts[-1].eval_count) == ONE_CALL[1:]
    sent = upstream.chats[0].json
    assert sent.pop("options")["num_predict"] > 0
    assert sent == {
        "model": "fake:latest",
        "prompt": "Say hello.",
        "system": "Be brief.",
        "stream": streaming,
        "think": False,
        "format": "json",
    }
    assert counted(gateway.url, key) == ONE_CALL


@pytest.mark.parametrize("streaming", [False, True])
def test_a_round_trip_of_tools_is_the_one_that_ollama_gave(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str, streaming: bool
) -> None:
    async def replay(exchange: Exchange) -> None:
        if streaming:
            await exchange.head(STREAMS)
            await exchange.send(recorded("nat-chat-tools") + b"\n")
            await exchange.end()
        else:
            await exchange.whole(recorded("nat-chat-tools"))

    def get_weather(city: str) -> str:
        """Weather for a city

        Args:
          city: where
        """
        return f"Rain in {city}."

    upstream.behave = replay
    got: Any = client.chat(MODEL, ASKED, tools=[get_weather], stream=streaming)
    [answer] = list(got) if streaming else [got]
    [call] = answer.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", {"city": "Paris"})
    assert counted(gateway.url, key) == (1, 80, 31)
    [tool] = upstream.chats[0].json["tools"]
    assert tool["function"]["name"] == "get_weather"
    assert tool["function"]["parameters"]["properties"]["city"]["type"] == "string"

    upstream.reset()
    result = {
        "role": "tool",
        "tool_name": "get_weather",
        "content": get_weather(**call.function.arguments),
    }
    client.chat(MODEL, [*ASKED, answer.message, result])
    called = {"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}
    first, second, third = upstream.chats[0].json["messages"]
    assert (first, third) == (ASKED[0], result)
    assert second == {"role": "assistant", "tool_calls": [called]}


def test_a_picture_and_a_schema_arrive(upstream: FakeUpstream, client: Client) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    client.chat(MODEL, [{**ASKED[0], "images": [b"\x89PNG"]}], format=schema)
    sent = upstream.chats[0].json
    assert sent["messages"][0]["images"] == ["iVBORw=="]
    assert sent["format"] == schema


def test_models_are_listed_and_shown(upstream: FakeUpstream, client: Client) -> None:
    assert [model.model for model in client.list().models] == [MODEL]
    assert [model.name for model in client.ps().models] == [MODEL]
    shown = client.show(MODEL)
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "gemma3"
    assert shown.capabilities == ["completion"]
    assert (shown.modelfile, shown.template, shown.license) == (None, None, None)


def test_the_async_client_streams_many_answers_at_once(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    async def one(client: AsyncClient, streaming: bool) -> str:
        if not streaming:
            return (await client.generate(MODEL, "Say hello.")).response or ""
        stream = await client.chat(MODEL, ASKED, stream=True)
        return "".join([part.message.content or "" async for part in stream])

    async def all_of_them() -> list[str]:
        async with AsyncClient(host=gateway.url, headers=bearer(key)) as client:
            return await asyncio.gather(*(one(client, n % 2 == 0) for n in range(20)))

    assert asyncio.run(all_of_them()) == [TEXT] * 20
    requests, prompt, completion = ONE_CALL
    assert counted(gateway.url, key) == (20 * requests, 20 * prompt, 20 * completion)
