"""What fails is an error in the clients of npm, never a clean end, and is counted."""

import asyncio
import time

import pytest

from tests.e2e.examples import behaviours
from tests.e2e.examples.node_client import NodeClient
from tests.support.books import Books
from tests.support.callers import counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import WORDS, Exchange, FakeUpstream
from tests.support.patience import AT_ONCE

streamed_or_not = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
# What it is called that a client was aborted, where it has a name of its own for it.
ABORTED = {"openai": "APIUserAbortError", "anthropic": "APIUserAbortError"}


@streamed_or_not
def test_what_a_caller_may_not_do_is_an_error_with_its_status(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, streaming: bool
) -> None:
    def refused(key: str) -> tuple[int | None, str]:
        got = client.ask(gateway.url, key, stream=streaming)
        assert (got.text, got.requests, got.warnings) == ([], 1, [])
        return got.problem.status, got.problem.message

    assert refused("llm_" + "0" * 26) == (401, Contains("not a valid API key"))
    narrow = make_key(gateway.url, allowed_models=["another"])
    assert refused(narrow) == (403, Contains("may not use the model 'fake:latest'"))
    often = make_key(gateway.url, rate_limit_per_min=1)
    assert client.ask(gateway.url, often).error is None
    assert refused(often) == (429, Contains("Too many requests. Try again in"))
    assert len(upstream.chats) == 1


@pytest.mark.parametrize("client", ["openai", "anthropic", "ollama", "langchain"], indirect=True)
@streamed_or_not
def test_a_spent_quota_is_an_error_that_no_client_tries_again(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, streaming: bool
) -> None:
    """Vercel's has no way to tell this 429 from the others: it tries again as often as it may."""
    poor = make_key(gateway.url, monthly_token_limit=20)
    got = client.ask(gateway.url, poor, stream=streaming, retries=5)
    assert got.problem.status == 429
    assert "monthly token limit" in got.problem.message
    assert got.requests == 1
    assert upstream.chats == []


@streamed_or_not
def test_a_model_that_is_not_there_is_an_error_with_its_name(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, key: str, streaming: bool
) -> None:
    upstream.behave = behaviours.not_found
    got = client.ask(gateway.url, key, stream=streaming, model="nothing")
    assert got.problem.status == 404
    assert "model 'nothing' not found" in got.problem.message
    assert counted(gateway.url, key) == (1, 0, 0)


@pytest.mark.parametrize("how", ["cut", "ended early", "crashed"])
def test_a_stream_that_breaks_is_an_error_behind_the_text_and_is_charged(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, key: str, how: str
) -> None:
    async def break_off(exchange: Exchange) -> None:
        await behaviours.break_off(exchange, how)

    upstream.behave = break_off
    got = client.ask(gateway.url, key, stream=True)
    assert got.text == list(WORDS)
    assert ("stopped before" in got.problem.message) or ("runner is gone" in got.problem.message)
    assert (got.requests, got.warnings) == (1, [])
    requests, prompt, completion = counted(gateway.url, key)
    assert (requests, completion) == (1, len(WORDS))
    assert prompt > 0


def test_a_whole_answer_that_breaks_is_an_error(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, key: str
) -> None:
    async def break_off(exchange: Exchange) -> None:
        await exchange.head("application/json")
        await exchange.send(b'{"id": "1", "choices": [')
        exchange.cut()

    upstream.behave = break_off
    got = client.ask(gateway.url, key, stream=False)
    assert got.problem.status == 502
    assert "stopped before" in got.problem.message


def test_a_client_that_aborts_frees_the_model_and_pays_for_what_it_saw(
    upstream: FakeUpstream, gateway: GatewayProcess, client: NodeClient, shared_dsn: str
) -> None:
    never = upstream.gate()

    async def endless(exchange: Exchange) -> None:
        await behaviours.begin(exchange)
        await never.passed()

    upstream.behave = endless
    books = Books(shared_dsn)
    asyncio.run(books.make_key())
    got = client.ask(gateway.url, books.key, stream=True, leave=len(WORDS))
    left = time.monotonic()
    upstream.wait_until(lambda: upstream.chats[0].gone)
    assert time.monotonic() - left < AT_ONCE
    assert got.text == list(WORDS)
    assert got.problem.name == ABORTED.get(client.name, "DOMException")
    [row] = asyncio.run(books.settled(1)).values()
    assert (row.status, row.usage_source) == ("client_gone", "estimated")
    assert row.completion_tokens == len(WORDS)
    assert row.prompt_tokens > 0


class Contains(str):
    """Equal to each text that holds it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and str(self) in other

    __hash__ = str.__hash__
