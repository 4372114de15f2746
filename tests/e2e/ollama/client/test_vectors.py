"""Vectors through the `ollama` package: how they are counted, in both of Ollama's forms."""

import asyncio

import pytest
from ollama import Client, ResponseError

from tests.support.books import Books
from tests.support.callers import bearer, counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_ollama import VECTOR
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, Exchange, FakeUpstream


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
