"""The unmodified `openai` package on completions, embeddings and responses, through a real gateway
in front of what a real Ollama was recorded to say."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import ResponseInputParam

from tests.support.callers import counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_exchange import usage
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.openai_routes import ROUTES, STREAMED, call, say, stream, text_of
from tests.support.replay import Recording

TEXT = "The capital of France is devenue\nThe"
COLOURS = "Name three colours.\n(a)\n(b)\n(c)"


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as made:
        yield made


def test_a_text_is_gone_on_with_and_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str
) -> None:
    upstream.behave = say("oai-completions")
    answer = client.completions.create(model=MODEL, prompt="The capital of France is", n=2)
    assert answer.choices[0].text == TEXT
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_none=True) == usage(14, 8)
    assert "n" not in upstream.chats[0].json
    assert counted(gateway.url, key) == (1, 14, 8)


@pytest.mark.parametrize("shown", [True, False, None])
def test_a_stream_of_text_shows_its_usage_to_those_who_ask_and_is_counted_always(
    upstream: FakeUpstream,
    gateway: GatewayProcess,
    client: OpenAI,
    key: str,
    shown: bool | None,
) -> None:
    upstream.behave = stream(STREAMED["completions"])
    options = openai.omit if shown is None else {"include_usage": shown}
    with client.completions.create(
        model=MODEL, prompt="The capital of France is", stream=True, stream_options=options
    ) as chunks:
        events = list(chunks)
    assert text_of("completions", events) == TEXT
    totals = [one.usage.total_tokens for one in events if one.usage]
    assert totals == ([0] * 9 + [22] if shown else [])
    assert upstream.chats[0].json["stream_options"] == {"include_usage": True}
    assert counted(gateway.url, key) == (1, 14, 8)


def test_vectors_come_as_the_model_gave_them_and_the_prompt_is_counted(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str
) -> None:
    upstream.behave = say("oai-embed2-array")
    texts = ["hello world", "a longer second sentence here"]
    answer = client.embeddings.create(model=MODEL, input=texts, dimensions=8)
    recorded = json.loads(Recording("oai-embed2-array").body)
    assert [one.embedding for one in answer.data] == [one["embedding"] for one in recorded["data"]]
    sent = upstream.chats[0].json
    assert (sent["input"], sent["dimensions"]) == (texts, 8)
    assert sent["encoding_format"] == "base64"  # what the client asks for by itself
    assert counted(gateway.url, key) == (1, 9, 0)


def test_a_response_comes_as_the_model_gave_it_and_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str
) -> None:
    upstream.behave = say("oai-responses")
    answer = client.responses.create(
        model=MODEL, input="Name three colours.", max_output_tokens=16, store=True
    )
    assert answer.output_text == COLOURS
    assert answer.status == "completed"
    assert upstream.chats[0].json["max_output_tokens"] == 16
    assert "store" not in upstream.chats[0].json
    assert counted(gateway.url, key) == (1, 13, 16)


def test_a_streamed_response_is_put_together_by_the_client_and_counted(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str
) -> None:
    upstream.behave = stream(STREAMED["responses"])
    with client.responses.stream(model=MODEL, input="Name three colours.") as streamed:
        events = list(streamed)
        final = streamed.get_final_response()
    assert text_of("responses", events) == COLOURS == final.output_text
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens) == (13, 16)
    assert counted(gateway.url, key) == (1, 13, 16)


def test_the_output_of_a_response_can_be_given_back_with_the_result_of_a_function(
    upstream: FakeUpstream, client: OpenAI
) -> None:
    upstream.behave = say("oai-responses")
    first = client.responses.create(model=MODEL, input="Name three colours.")
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c1", "output": "done"}
    before: Any = [one.model_dump(exclude_none=True) for one in first.output]
    items: ResponseInputParam = [{"role": "user", "content": "hi"}, *before, call, result]
    client.responses.create(
        model=MODEL,
        input=items,
        tools=[{"type": "function", "name": "f", "parameters": {}, "strict": True}],
    )
    sent = upstream.chats[1].json["input"]
    assert sent[0] == {"role": "user", "content": "hi"}
    assert sent[1]["content"] == [{"type": "output_text", "text": COLOURS}]
    assert sent[2:] == [call, result]


@pytest.mark.parametrize("route", ROUTES)
def test_a_wrong_request_is_a_bad_request_error_that_names_the_field(
    upstream: FakeUpstream, client: OpenAI, route: str
) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "completions": {"temperature": "hot"},
        "embeddings": {"input": [1, 2, 3]},
        "responses": {"previous_response_id": "resp_1"},
    }
    with pytest.raises(openai.BadRequestError) as caught:
        call(client, route, **wrong[route])
    [field] = wrong[route]
    assert (caught.value.param or "").startswith(field)
    assert upstream.chats == []


def test_a_tool_that_calls_out_never_reaches_the_model(
    upstream: FakeUpstream, client: OpenAI
) -> None:
    search: Any = {"type": "web_search"}
    with client.responses.with_streaming_response.create(
        model=MODEL, input="hi", tools=[search]
    ) as answer:
        assert answer.headers["x-localllm-ignored"] == "tools.web_search"
    [chat] = upstream.chats
    assert not chat.json.get("tools")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input="hi", tools=[search], tool_choice=search)
    assert "tool_choice" in caught.value.message
    assert len(upstream.chats) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_a_model_that_is_not_there_is_a_not_found_error_that_costs_nothing(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str, route: str
) -> None:
    async def not_found(exchange: Exchange) -> None:
        await exchange.whole(Recording(f"oai-{route}-unknown-model").body, 404)

    upstream.behave = not_found
    with pytest.raises(openai.NotFoundError) as caught:
        call(client, route)
    assert caught.value.code == "model_not_found"
    assert "model 'fake:latest' not found" in caught.value.message
    assert counted(gateway.url, key) == (1, 0, 0)


@pytest.mark.parametrize(
    ("route", "scope"),
    [("completions", "embeddings"), ("embeddings", "chat"), ("responses", "embeddings")],
)
def test_a_key_of_another_lane_is_refused_and_reaches_no_model(
    upstream: FakeUpstream, gateway: GatewayProcess, route: str, scope: str
) -> None:
    key = make_key(gateway.url, scopes=[scope])
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client,
        pytest.raises(openai.PermissionDeniedError),
    ):
        call(client, route)
    assert upstream.chats == []


@pytest.mark.parametrize("route", ROUTES)
def test_a_quota_that_is_spent_is_a_rate_limit_error(
    upstream: FakeUpstream, gateway: GatewayProcess, route: str
) -> None:
    key = make_key(gateway.url, monthly_token_limit=20)
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        call(client, route)
    assert caught.value.code == "insufficient_quota"
    assert upstream.chats == []
