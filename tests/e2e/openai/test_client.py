"""The unmodified `openai` package against a real gateway: what it gets, and what is counted."""

import asyncio
import json
from collections.abc import Iterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.support.callers import counted, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream, usage
from tests.support.paths import VECTORS

TEXT = "".join(WORDS)
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))
VECTORS = VECTORS / "tool_calls.json"


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream) -> Iterator[GatewayProcess]:
    """With the embedded store, as on a fresh machine."""
    with served(shared_upstream.url) as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as made:
        yield made


def test_a_whole_answer_comes_as_the_model_gave_it_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str
) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASKED)
    assert answer.choices[0].message.content == TEXT
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_none=True) == usage(PROMPT_TOKENS, len(WORDS))
    assert counted(gateway.url, key) == ONE_CALL


@pytest.mark.parametrize("shown", [True, False, None])
def test_a_stream_shows_its_usage_to_those_who_ask_and_is_counted_always(
    upstream: FakeUpstream,
    gateway: GatewayProcess,
    client: OpenAI,
    key: str,
    shown: bool | None,
) -> None:
    options = openai.omit if shown is None else {"include_usage": shown}
    with client.chat.completions.create(
        model=MODEL, messages=ASKED, stream=True, stream_options=options
    ) as stream:
        chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    reported = [c.usage.total_tokens for c in chunks if c.usage]
    assert reported == ([PROMPT_TOKENS + len(WORDS)] if shown else [])
    assert all(chunk.choices for chunk in chunks) != bool(shown)
    assert upstream.chats[0].json["stream_options"] == {"include_usage": True}
    assert counted(gateway.url, key) == ONE_CALL


def test_the_async_client_streams_many_answers_at_once(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    async def one(client: AsyncOpenAI, streaming: bool) -> str:
        if not streaming:
            whole = await client.chat.completions.create(model=MODEL, messages=ASKED)
            return whole.choices[0].message.content or ""
        stream = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def all_of_them() -> list[str]:
        base = f"{gateway.url}/v1"
        async with AsyncOpenAI(base_url=base, api_key=key, max_retries=0) as client:
            return await asyncio.gather(*(one(client, n % 2 == 0) for n in range(20)))

    assert asyncio.run(all_of_them()) == [TEXT] * 20
    requests, prompt, completion = ONE_CALL
    assert counted(gateway.url, key) == (20 * requests, 20 * prompt, 20 * completion)


@pytest.mark.parametrize("streaming", [False, True])
def test_the_headers_tell_the_limits_and_name_the_request(
    upstream: FakeUpstream, gateway: GatewayProcess, streaming: bool
) -> None:
    key = make_key(gateway.url, rate_limit_per_min=7, monthly_token_limit=10_000)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(
            model=MODEL, messages=ASKED, stream=streaming, max_tokens=50
        )
        body = raw.http_response.read()
    assert (b"data: [DONE]" in body) == streaming
    headers = raw.headers
    assert len(headers["x-request-id"]) == 36
    assert headers["x-ratelimit-limit-requests"] == "7"
    assert headers["x-ratelimit-remaining-requests"] == "6"
    assert headers["x-ratelimit-limit-tokens"] == "10000"
    assert 0 < int(headers["x-ratelimit-remaining-tokens"]) < 10_000
    assert headers["x-ratelimit-reset-requests"].endswith("s")
    assert headers["x-ratelimit-reset-tokens"].endswith("s")


def test_the_client_s_cap_reaches_the_model_under_the_name_that_it_obeys(
    upstream: FakeUpstream, client: OpenAI
) -> None:
    client.chat.completions.create(model=MODEL, messages=ASKED, max_completion_tokens=9)
    assert upstream.chats[0].json["max_tokens"] == 9
    assert "max_completion_tokens" not in upstream.chats[0].json


@pytest.mark.parametrize("streaming", [False, True])
def test_a_round_trip_of_tools_is_the_one_that_ollama_gave(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str, streaming: bool
) -> None:
    recorded = json.loads(VECTORS.read_text())

    async def replay(exchange: Exchange) -> None:
        if streaming:
            await exchange.head()
            for event in recorded["stream"]:
                await exchange.event(event)
            await exchange.end()
        else:
            await exchange.whole(recorded["whole"])

    upstream.behave = replay
    tools: list[ChatCompletionToolParam] = recorded["tools"]
    if streaming:
        with client.chat.completions.create(
            model=MODEL, messages=ASKED, tools=tools, stream=True
        ) as stream:
            deltas = [chunk.choices[0].delta for chunk in stream]
        [called] = [call for delta in deltas for call in delta.tool_calls or ()]
    else:
        answer = client.chat.completions.create(model=MODEL, messages=ASKED, tools=tools)
        assert answer.choices[0].finish_reason == "tool_calls"
        [called] = answer.choices[0].message.tool_calls or ()
    assert called.function is not None
    assert called.function.name == "get_weather"
    assert json.loads(called.function.arguments or "") == {"city": "Paris"}
    assert counted(gateway.url, key) == (1, 80, 31)

    upstream.reset()
    history: list[ChatCompletionMessageParam] = [*ASKED, *recorded["result"]]
    client.chat.completions.create(model=MODEL, messages=history, tools=tools)
    assert upstream.chats[0].json["messages"][1:] == recorded["result"]
    assert upstream.chats[0].json["tools"] == tools


def test_the_list_of_models_is_what_the_key_may_use(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI
) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]  # not the one in the cloud
    narrow = make_key(gateway.url, allowed_models=["another"])
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=narrow) as other:
        assert list(other.models.list()) == []
