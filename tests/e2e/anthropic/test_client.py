"""The unmodified `anthropic` package against a real gateway: what it gets, and what is counted."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam, ToolParam

from tests.support.callers import counted, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_anthropic import (
    answer_messages,
    block,
    counts,
    event,
    message,
    start,
    stop,
    words,
)
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream

BEAT = 0.05
TEXT = "".join(WORDS)
ASKED: list[MessageParam] = [{"role": "user", "content": "Say hello."}]
ASK: dict[str, Any] = {"model": MODEL, "messages": ASKED, "max_tokens": 50}
ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))
TOOL: ToolParam = {
    "name": "get_weather",
    "description": "The weather of a place.",
    "input_schema": {
        "type": "object",
        "required": ["city"],
        "properties": {"city": {"type": "string"}},
    },
}


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """Its heart beats fast."""
    with served(shared_upstream.url, shared_dsn, HEARTBEAT_SECONDS=BEAT) as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as made:
        yield made


def text_of(answer: anthropic.types.Message) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


def test_a_whole_answer_comes_as_the_model_gave_it_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Anthropic, key: str
) -> None:
    answer = client.messages.create(**ASK, system="Be brief.", extra_body={"temperature": 0})
    assert (text_of(answer), answer.stop_reason) == (TEXT, "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (PROMPT_TOKENS, len(WORDS))
    assert counted(gateway.url, key) == ONE_CALL
    [chat] = upstream.chats
    assert chat.target == "/v1/messages"
    assert chat.json == {**ASK, "system": "Be brief.", "temperature": 0}
    names = {name for name, _ in chat.headers}
    assert not {name for name in names if name.startswith(("anthropic", "x-", "authorization"))}
    assert key.encode() not in chat.raw


def test_a_bearer_token_is_a_key_too(upstream: FakeUpstream, gateway: GatewayProcess) -> None:
    token = make_key(gateway.url)
    with Anthropic(base_url=gateway.url, api_key=None, auth_token=token) as client:
        assert text_of(client.messages.create(**ASK)) == TEXT
    assert len(upstream.chats) == 1


def test_a_stream_is_read_to_its_end_and_is_counted_by_its_report(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Anthropic, key: str
) -> None:
    with client.messages.stream(**ASK) as stream:
        assert tuple(stream.text_stream) == WORDS
        final = stream.get_final_message()
    assert (text_of(final), final.stop_reason) == (TEXT, "end_turn")
    assert final.usage.input_tokens == PROMPT_TOKENS
    kinds = [one.type for one in client.messages.create(**ASK, stream=True)]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert kinds.count("content_block_delta") == len(WORDS)
    assert counted(gateway.url, key) == (2, 2 * PROMPT_TOKENS, 2 * len(WORDS))


def test_the_async_client_streams_many_answers_at_once(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    async def one(client: AsyncAnthropic, streaming: bool) -> str:
        if not streaming:
            return text_of(await client.messages.create(**ASK))
        async with client.messages.stream(**ASK) as stream:
            return "".join([text async for text in stream.text_stream])

    async def all_of_them() -> list[str]:
        async with AsyncAnthropic(base_url=gateway.url, api_key=key, max_retries=0) as client:
            return await asyncio.gather(*(one(client, n % 2 == 0) for n in range(20)))

    assert asyncio.run(all_of_them()) == [TEXT] * 20
    requests, prompt, completion = ONE_CALL
    assert counted(gateway.url, key) == (20 * requests, 20 * prompt, 20 * completion)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_round_trip_of_tools(upstream: FakeUpstream, client: Anthropic, streaming: bool) -> None:
    call = {"type": "tool_use", "id": "call_1", "name": "get_weather"}

    async def behave(exchange: Exchange) -> None:
        if streaming:
            pieces = [{"type": "input_json_delta", "partial_json": '{"city":"Paris"}'}]
            await start(exchange)
            await words(exchange)
            await block(exchange, 1, {**call, "input": {}}, *pieces)
            await stop(exchange, "tool_use")
        else:
            content = [{**call, "input": {"city": "Paris"}}]
            whole = message(exchange, content, stop_reason="tool_use", usage=counts())
            await exchange.whole(whole)

    upstream.behave = behave
    tools: dict[str, Any] = {"tools": [TOOL], "tool_choice": {"type": "auto"}}
    if streaming:
        with client.messages.stream(**ASK, **tools) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(**ASK, **tools)
    assert answer.stop_reason == "tool_use"
    called = answer.content[-1]
    assert called.type == "tool_use"
    assert (called.name, called.input) == ("get_weather", {"city": "Paris"})
    assert upstream.chats[0].json["tools"] == [TOOL]

    upstream.reset()
    said: list[Any] = [part.model_dump(exclude_none=True) for part in answer.content]
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "18 degrees"}
    history = [
        *ASKED,
        {"role": "assistant", "content": said},
        {"role": "user", "content": [result]},
    ]
    assert text_of(client.messages.create(**{**ASK, "messages": history}, **tools)) == TEXT
    told = upstream.chats[0].json["messages"]
    assert told[2]["content"] == [result]
    assert told[1]["content"][-1] == {**call, "input": {"city": "Paris"}}


def test_thoughts_come_before_the_text_and_are_passed_back(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Anthropic, key: str
) -> None:
    async def think(exchange: Exchange) -> None:
        thought = {"type": "thinking_delta", "thinking": "hm"}
        await start(exchange)
        await block(exchange, 0, {"type": "thinking", "thinking": ""}, thought)
        await words(exchange, 1)
        await stop(exchange)

    upstream.behave = think
    asked = {**ASK, "max_tokens": 2000}
    with client.messages.stream(
        **asked, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        answer = stream.get_final_message()
    first = answer.content[0]
    assert first.type == "thinking"
    assert (first.thinking, text_of(answer)) == ("hm", TEXT)
    assert upstream.chats[0].json["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert counted(gateway.url, key) == ONE_CALL

    upstream.reset()
    said: Any = [part.model_dump(exclude_none=True) for part in answer.content]
    history = [*ASKED, {"role": "assistant", "content": said}, *ASKED]
    client.messages.create(**{**asked, "messages": history})
    told = upstream.chats[0].json["messages"][1]["content"]
    assert told[0] == {"type": "thinking", "thinking": "hm"}


def test_a_picture_reaches_the_model_as_it_was_sent(
    upstream: FakeUpstream, client: Anthropic
) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    content: Any = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    client.messages.create(**{**ASK, "messages": [{"role": "user", "content": content}]})
    assert upstream.chats[0].json["messages"][0]["content"] == content


@pytest.mark.parametrize("streaming", [False, True])
def test_signs_of_life_before_and_within_an_answer_are_ignored(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Anthropic, key: str, streaming: bool
) -> None:
    before, within = upstream.gate(), upstream.gate()
    sign = b": working\n\n" if streaming else b" "

    async def slowly(exchange: Exchange) -> None:
        await before.passed()
        if not streaming:
            await answer_messages(exchange)
            return
        await start(exchange)
        await within.passed()
        await words(exchange)
        await stop(exchange)

    def read() -> str:
        if not streaming:
            return text_of(client.messages.create(**ASK))
        with client.messages.stream(**ASK) as stream:
            return text_of(stream.get_final_message())

    upstream.behave = slowly
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        upstream.wait_for_chats(1)
        # Beside it, and later, one whose bytes we see: the other has had as many signs of life.
        seen = b""
        with client.messages.with_streaming_response.create(**ASK, stream=streaming) as raw:
            for part in raw.iter_bytes():
                seen += part
                if seen.count(sign) >= 2:
                    before.open()
                if seen.partition(b"message_start")[2].count(sign) >= 2:
                    within.open()
        assert seen.startswith(2 * sign)
        assert reading.result() == TEXT
    assert counted(gateway.url, key) == (2, 2 * PROMPT_TOKENS, 2 * len(WORDS))


def test_a_client_that_leaves_frees_the_model_and_pays_for_what_it_saw(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Anthropic, key: str
) -> None:
    never = upstream.gate()

    async def endless(exchange: Exchange) -> None:
        await start(exchange)
        await words(exchange)
        await never.passed()

    upstream.behave = endless
    with client.messages.stream(**ASK) as stream:
        for index, _ in enumerate(stream.text_stream, 1):
            if index == len(WORDS):
                break
    upstream.wait_until(lambda: upstream.chats[0].gone)
    requests, prompt, completion = counted(gateway.url, key)
    assert requests == 1
    assert prompt > 0
    assert completion >= len(WORDS)


@pytest.mark.parametrize("how", ["cut", "ended early", "said so"])
def test_a_stream_that_breaks_is_an_error_after_what_came(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Anthropic, key: str, how: str
) -> None:
    async def break_off(exchange: Exchange) -> None:
        await start(exchange)
        await words(exchange)
        if how == "cut":
            exchange.cut()
            return
        if how == "said so":
            broken = {"type": "api_error", "message": "out of memory"}
            await event(exchange, "error", error=broken)
        await exchange.end()

    upstream.behave = break_off
    seen: list[str] = []
    with (
        pytest.raises(anthropic.APIStatusError) as caught,
        client.messages.stream(**ASK) as stream,
    ):
        seen += stream.text_stream
    assert tuple(seen) == WORDS
    assert caught.value.type == "api_error"
    assert counted(gateway.url, key)[2] >= len(WORDS)
