"""The unmodified `ollama` package against a real gateway: what it gets, and what is counted."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ollama import AsyncClient, Client, ResponseError

from tests.e2e.books import Books
from tests.e2e.callers import bearer, counted, make_key, served
from tests.e2e.failing_parts import GatewayProcess
from tests.fake_ollama import STREAMS, VECTOR, end, line, send, words
from tests.fake_upstream import (
    CLOUD_MODEL,
    MODEL,
    PROMPT_TOKENS,
    WORDS,
    Exchange,
    FakeUpstream,
    Gate,
    answer,
)

TEXT = "".join(WORDS)
ASKED = [{"role": "user", "content": "Say hello."}]
ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))
RECORDINGS = Path(__file__).parents[1] / "recordings"


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture
def key(gateway: GatewayProcess) -> str:
    return make_key(gateway.url)


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[Client]:
    with Client(host=gateway.url, headers=bearer(key)) as made:
        yield made


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


def test_vectors_are_counted_as_reported_and_the_older_ones_as_estimated(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str
) -> None:
    answer = client.embed(MODEL, ["hello", "world"], truncate=True)
    assert answer.embeddings == [VECTOR, VECTOR]
    assert counted(gateway.url, key) == (1, PROMPT_TOKENS, 0)
    assert client.embed(MODEL, "hello").embeddings == [VECTOR]
    assert counted(gateway.url, key) == (2, 2 * PROMPT_TOKENS, 0)
    assert client.embeddings(MODEL, "hello world").embedding == VECTOR
    requests, prompt, completion = counted(gateway.url, key)
    assert (requests, completion) == (3, 0)
    assert prompt > 2 * PROMPT_TOKENS
    assert [one.json for one in upstream.chats] == [
        {"model": MODEL, "input": ["hello", "world"], "truncate": True},
        {"model": MODEL, "input": "hello"},
        {"model": MODEL, "prompt": "hello world"},
    ]


def test_many_texts_may_cost_more_than_one_of_the_model_s_contexts(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    texts = ["x" * 4000] * 10  # the fake model's context is 4096
    for limit, enough in ((20_000, False), (50_000, True)):
        poor = make_key(gateway.url, monthly_token_limit=limit)
        with Client(host=gateway.url, headers=bearer(poor)) as client:
            if enough:
                assert len(client.embed(MODEL, texts).embeddings) == 10
                continue
            with pytest.raises(ResponseError) as caught:
                client.embed(MODEL, texts)
            assert caught.value.status_code == 429
    assert len(upstream.chats) == 1


def test_the_older_vectors_stand_in_the_books_as_an_estimate(
    upstream: FakeUpstream, gateway: GatewayProcess, shared_dsn: str
) -> None:
    books = Books(shared_dsn)
    asyncio.run(books.make_key())
    with Client(host=gateway.url, headers=bearer(books.key)) as client:
        client.embeddings(MODEL, "hello world")
    counted(gateway.url, books.key)
    [row] = asyncio.run(books.balanced()).values()
    assert (row.usage_source, row.status, row.completion_tokens) == ("estimated", "ok", 0)
    assert row.prompt_tokens > 0


def test_a_vector_that_is_cut_is_an_error_and_costs_its_prompt(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str
) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.head("application/json")
        await exchange.send(b'{"embedding":[0.25,-0.5')
        exchange.cut()

    upstream.behave = cut
    with pytest.raises(ResponseError) as caught:
        client.embeddings(MODEL, "hello world")
    assert caught.value.status_code == 502
    requests, prompt, completion = counted(gateway.url, key)
    assert (requests, completion) == (1, 0)
    assert prompt > 0


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


@pytest.mark.parametrize("streaming", [False, True])
def test_what_a_caller_may_not_do_is_a_response_error_with_its_status(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, streaming: bool
) -> None:
    def refused(shown: str, **wanted: Any) -> tuple[int, str]:
        made = {"model": MODEL, "messages": ASKED, "stream": streaming, **wanted}
        with (
            Client(host=gateway.url, headers=bearer(shown)) as client,
            pytest.raises(ResponseError) as caught,
        ):
            list(client.chat(**made))
        return caught.value.status_code, caught.value.error

    assert refused("llm_" + "0" * 26)[0] == 401
    assert refused(make_key(gateway.url, scopes=["embeddings"]))[0] == 403
    assert refused(make_key(gateway.url, allowed_models=["another"]))[0] == 403
    assert refused(key, model="x:cloud")[0] == 403
    assert refused(key, model=CLOUD_MODEL)[0] == 403
    assert refused(make_key(gateway.url, monthly_token_limit=20))[0] == 429
    assert refused(key, messages=[])[0] == 403
    for field, name in (
        ({"keep_alive": 0}, "keep_alive"),
        ({"keep_alive": "24h"}, "keep_alive"),
        ({"options": {"num_ctx": 99}}, "options.num_ctx"),
        ({"options": {"num_gpu": 0}}, "options.num_gpu"),
    ):
        status, message = refused(key, **field)
        assert (status, f"'{name}'" in message) == (403, True)
    assert upstream.chats == []


def test_a_key_that_may_only_chat_makes_no_vectors(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    chatting = make_key(gateway.url, scopes=["chat"])
    with Client(host=gateway.url, headers=bearer(chatting)) as client:
        for call in (client.embed, client.embeddings):
            with pytest.raises(ResponseError) as caught:
                call(MODEL, "x")
            assert caught.value.status_code == 403
    assert upstream.chats == []


@pytest.mark.parametrize("streaming", [False, True])
def test_what_ollama_refuses_is_told_in_its_words(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str, streaming: bool
) -> None:
    async def not_found(exchange: Exchange) -> None:
        await exchange.whole({"error": "model 'nothing' not found"}, 404)

    upstream.behave = not_found
    with pytest.raises(ResponseError) as caught:
        list(client.generate("nothing", "x", stream=streaming))  # type: ignore[call-overload]
    assert (caught.value.status_code, caught.value.error) == (404, "model 'nothing' not found")
    assert counted(gateway.url, key) == (1, 0, 0)


def read_to_its_error(stream: Any) -> tuple[str, str]:
    """The text that came, and the error behind it."""
    text = ""
    with pytest.raises(ResponseError) as caught:
        for part in stream:
            text += part.message.content
    return text, caught.value.error


def test_a_runner_that_crashes_is_an_error_behind_the_text_and_is_charged(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str
) -> None:
    async def crash(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await words(exchange)
        await send(exchange, {"error": "the runner is gone"})
        await exchange.end()

    upstream.behave = crash
    stream = client.chat(MODEL, ASKED, stream=True)
    assert read_to_its_error(stream) == (TEXT, "the runner is gone")
    requests, prompt, completion = counted(gateway.url, key)
    assert (requests, completion) == (1, len(WORDS))
    assert prompt > 0


@pytest.mark.parametrize("cut", [False, True])
def test_a_stream_without_its_last_line_is_an_error_and_is_charged(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, key: str, cut: bool
) -> None:
    async def stop(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await words(exchange)
        if cut:
            await exchange.send(b'{"model":"half a li')
            exchange.cut()
        else:
            await exchange.end()

    upstream.behave = stop
    text, problem = read_to_its_error(client.chat(MODEL, ASKED, stream=True))
    assert (text, "stopped before" in problem) == (TEXT, True)
    assert counted(gateway.url, key)[2] == len(WORDS)


def test_a_client_that_leaves_frees_the_model_and_pays_for_what_it_saw(
    upstream: FakeUpstream, gateway: GatewayProcess, shared_dsn: str
) -> None:
    gate = upstream.gate()

    async def endless(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await words(exchange)
        await gate.passed()

    upstream.behave = endless
    books = Books(shared_dsn)
    asyncio.run(books.make_key())
    with Client(host=gateway.url, headers=bearer(books.key)) as client:
        stream = client.chat(MODEL, ASKED, stream=True)
        assert [next(stream).message.content for _ in WORDS] == list(WORDS)
        stream.close()  # type: ignore[attr-defined]
        upstream.wait_until(lambda: upstream.chats[0].gone)
    [row] = asyncio.run(books.settled(1)).values()
    assert (row.status, row.usage_source) == ("client_gone", "estimated")
    assert row.completion_tokens == len(WORDS)


@pytest.fixture(scope="module")
def beating(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """A gateway that shows a sign of life soon."""
    with served(shared_upstream.url, shared_dsn, HEARTBEAT_SECONDS=0.05) as running:
        yield running


class Watched(httpx.SyncByteStream):
    """A body whose bytes are shown to somebody as they come."""

    def __init__(self, body: Any, seen: Callable[[bytes], None]) -> None:
        self._body, self._seen = body, seen

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            self._seen(chunk)
            yield chunk

    def close(self) -> None:
        self._body.close()


class Watching(httpx.HTTPTransport):
    """What the client reads from; opens the next gate after each three signs of life in a row."""

    def __init__(self, *gates: Gate) -> None:
        super().__init__()
        self.body = b""
        self._gates = list(gates)
        self._looked_at = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        got = super().handle_request(request)
        return httpx.Response(
            got.status_code, headers=got.headers, stream=Watched(got.stream, self._see)
        )

    def _see(self, chunk: bytes) -> None:
        self.body += chunk
        if self._gates and self.body[self._looked_at :].endswith(b"   "):
            self._gates.pop(0).open()
            self._looked_at = len(self.body)


def test_signs_of_life_stand_between_whole_lines_and_the_client_passes_over_them(
    upstream: FakeUpstream, beating: GatewayProcess
) -> None:
    before, between, behind = upstream.gate(), upstream.gate(), upstream.gate()

    async def halting(exchange: Exchange) -> None:
        await before.passed()
        await exchange.head(STREAMS)
        first = json.dumps(line(exchange, WORDS[0])).encode() + b"\n"
        await exchange.send(first + first[:20])  # half a line waits for its other half
        await between.passed()
        await exchange.send(first[20:])
        await behind.passed()
        await send(exchange, line(exchange, "", **end()))
        await exchange.end()

    upstream.behave = halting
    watching = Watching(before, between, behind)
    key = make_key(beating.url)
    with Client(host=beating.url, headers=bearer(key), transport=watching) as client:
        parts = list(client.chat(MODEL, ASKED, stream=True))
    assert [part.message.content for part in parts] == [WORDS[0], WORDS[0], ""]
    told = watching.body.splitlines()
    assert len(told) == 3
    assert all(one.startswith(b"   ") and json.loads(one) for one in told)
    assert watching.body.endswith(b"}\n")
    assert counted(beating.url, key) == ONE_CALL


def test_an_error_after_signs_of_life_is_still_the_client_s_error(
    upstream: FakeUpstream, beating: GatewayProcess
) -> None:
    gate = upstream.gate()

    async def fail(exchange: Exchange) -> None:
        await gate.passed()
        await exchange.whole({"error": "model 'nothing' not found"}, 404)

    upstream.behave = fail
    watching = Watching(gate)
    with (
        Client(
            host=beating.url, headers=bearer(make_key(beating.url)), transport=watching
        ) as client,
        pytest.raises(ResponseError, match="'nothing' not found"),
    ):
        list(client.generate("nothing", "x", stream=True))
    assert watching.body.startswith(b"   ")


@pytest.mark.parametrize("name", ["chat", "generate", "embed", "embeddings"])
def test_a_whole_answer_is_led_in_by_white_space_that_the_client_passes_over(
    upstream: FakeUpstream, beating: GatewayProcess, name: str
) -> None:
    gate = upstream.gate()

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    upstream.behave = slow
    watching = Watching(gate)
    key = make_key(beating.url)
    with Client(host=beating.url, headers=bearer(key), transport=watching) as client:
        got: Any = getattr(client, name)(MODEL, ASKED if name == "chat" else "x")
    assert watching.body.startswith(b"   ")
    assert got.model_dump_json().count(TEXT if name in {"chat", "generate"} else "0.25") == 1
    assert counted(beating.url, key)[0] == 1
