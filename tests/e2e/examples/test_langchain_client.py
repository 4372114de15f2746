"""LangChain for Python, unmodified, against a real gateway: what it gets, and what is counted."""

import asyncio
import time
from typing import Any

import openai
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from tests.e2e.examples import behaviours
from tests.support.books import Books
from tests.support.callers import counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream
from tests.support.patience import AT_ONCE

TEXT = "".join(WORDS)
ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))
streamed_or_not = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])


@tool
def get_weather(city: str) -> str:
    """Weather for a city"""
    return f"18 degrees in {city}"


def model(gateway: GatewayProcess, key: str, **options: Any) -> ChatOpenAI:
    made = {"model": MODEL, "max_retries": 0, "stream_usage": True, **options}
    return ChatOpenAI(base_url=f"{gateway.url}/v1", api_key=key, **made)  # type: ignore[arg-type]


def ask(chat: Any, streaming: bool, history: list[BaseMessage] | None = None) -> AIMessage:
    """The whole message, of chunks if it is streamed."""
    messages = history or [HumanMessage("Say hello.")]
    if not streaming:
        return chat.invoke(messages)
    chunks: list[AIMessageChunk] = list(chat.stream(messages))
    return sum(chunks[1:], chunks[0])  # type: ignore[return-value]


@streamed_or_not
def test_an_answer_comes_as_the_model_gave_it_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, streaming: bool
) -> None:
    answer = ask(model(gateway, key), streaming)
    assert answer.content == TEXT
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == PROMPT_TOKENS
    assert answer.usage_metadata["output_tokens"] == len(WORDS)
    assert counted(gateway.url, key) == ONE_CALL


@streamed_or_not
def test_a_round_trip_of_tools_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, streaming: bool
) -> None:
    upstream.behave = behaviours.use_tool
    chat = model(gateway, key).bind_tools([get_weather])
    asked: list[BaseMessage] = [HumanMessage("Say hello.")]
    called = ask(chat, streaming, asked)
    [call] = called.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    result: ToolMessage = get_weather.invoke(call)
    answer = ask(chat, streaming, [*asked, called, result])
    assert answer.content == TEXT
    assert upstream.chats[1].json["messages"][-1]["content"] == "18 degrees in Paris"
    assert counted(gateway.url, key) == (2, 80 + PROMPT_TOKENS, 31 + len(WORDS))


@streamed_or_not
def test_what_a_caller_may_not_do_is_an_error_with_its_status(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, streaming: bool
) -> None:
    with pytest.raises(openai.AuthenticationError, match="not a valid API key"):
        ask(model(gateway, "llm_" + "0" * 26), streaming)
    often = make_key(gateway.url, rate_limit_per_min=1)
    ask(model(gateway, often), streaming)
    with pytest.raises(openai.RateLimitError, match="Too many requests"):
        ask(model(gateway, often), streaming)
    poor = make_key(gateway.url, monthly_token_limit=20)
    with pytest.raises(openai.RateLimitError, match="monthly token limit") as caught:
        ask(model(gateway, poor, max_retries=5), streaming)
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"
    assert len(upstream.chats) == 1

    upstream.behave = behaviours.not_found
    with pytest.raises(openai.NotFoundError, match="model 'nothing' not found"):
        ask(model(gateway, key, model="nothing"), streaming)
    assert counted(gateway.url, key) == (1, 0, 0)


@pytest.mark.parametrize("how", ["cut", "ended early", "crashed"])
def test_a_stream_that_breaks_is_an_error_behind_the_text_and_is_charged(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, how: str
) -> None:
    async def break_off(exchange: Exchange) -> None:
        await behaviours.break_off(exchange, how)

    upstream.behave = break_off
    text = ""
    with pytest.raises(openai.APIError, match="stopped before"):
        for chunk in model(gateway, key).stream("Say hello."):
            text += str(chunk.content)
    assert text == TEXT
    requests, prompt, completion = counted(gateway.url, key)
    assert (requests, completion) == (1, len(WORDS))
    assert prompt > 0


def test_a_task_that_is_cancelled_frees_the_model_and_pays_for_what_it_saw(
    upstream: FakeUpstream, gateway: GatewayProcess, shared_dsn: str
) -> None:
    never = upstream.gate()

    async def endless(exchange: Exchange) -> None:
        await behaviours.begin(exchange)
        await never.passed()

    async def leave() -> float:
        seen = asyncio.Event()

        async def read() -> None:
            text = ""
            async for chunk in model(gateway, books.key).astream("Say hello."):
                text += str(chunk.content)
                if text == TEXT:
                    seen.set()

        reading = asyncio.create_task(read())
        await seen.wait()
        left = time.monotonic()
        reading.cancel()
        await asyncio.wait([reading])
        await asyncio.to_thread(upstream.wait_until, lambda: upstream.chats[0].gone)
        return time.monotonic() - left

    upstream.behave = endless
    books = Books(shared_dsn)
    asyncio.run(books.make_key())
    assert asyncio.run(leave()) < AT_ONCE
    [row] = asyncio.run(books.settled(1)).values()
    assert (row.status, row.usage_source) == ("client_gone", "estimated")
    assert row.completion_tokens == len(WORDS)
