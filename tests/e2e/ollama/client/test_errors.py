"""What is refused, breaks or is left is an error of the `ollama` package, and is counted right."""

import asyncio
from typing import Any

import pytest
from ollama import Client, ResponseError

from tests.e2e.ollama.client.asked import ASKED, TEXT
from tests.support.books import Books
from tests.support.callers import bearer, counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_ollama import STREAMS, send, words
from tests.support.fake_upstream import CLOUD_MODEL, MODEL, WORDS, Exchange, FakeUpstream


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
