"""A model or a database that fails is an error in the `openai` package, and is counted right."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import openai
import pytest

from tests.support.callers import connect, counted, make_key, served
from tests.support.failing_parts import GatewayProcess, fresh_database
from tests.support.fake_upstream import WORDS, Exchange, FakeUpstream, fake_upstream
from tests.support.openai_calls import calling, refused
from tests.support.postgres import Server, own_postgres

__all__ = ["own_postgres"]


FEW = {"UPSTREAM_CONCURRENCY": 1, "QUEUE_LIMIT": 1}


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    """One of this file's own: it is stopped for a while."""
    with fake_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def own_dsn(postgres: Server) -> Iterator[str]:
    with fresh_database(postgres) as address:
        yield address


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, own_dsn: str) -> Iterator[GatewayProcess]:
    """One slot, and room for one to wait."""
    with served(shared_upstream.url, own_dsn, **FEW) as running:
        yield running


@pytest.fixture(scope="module")
def impatient_gateway(shared_upstream: FakeUpstream, own_dsn: str) -> Iterator[GatewayProcess]:
    """The same with little patience with a silent model."""
    with served(shared_upstream.url, own_dsn, **FEW, OLLAMA_TIMEOUT=0.5) as running:
        yield running


def test_a_busy_model_is_tried_as_often_as_the_client_says_and_each_try_is_seen(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    async def busy(exchange: Exchange) -> None:
        await exchange.whole({"error": {"message": "server busy, please try again"}}, 503)

    upstream.behave = busy
    key = make_key(gateway.url)
    with calling(gateway, key, retries=1) as call:
        problem = refused(openai.InternalServerError, call)
    assert (problem.status_code, problem.code) == (503, "server_is_overloaded")
    assert problem.response.headers["retry-after"] == "2"
    assert len(upstream.chats) == 2
    assert counted(gateway.url, key) == (2, 0, 0)


def test_a_model_server_that_is_down_is_a_503_with_retry_after(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url)
    upstream.stop()
    try:
        with calling(gateway, key) as call:
            problem = refused(openai.InternalServerError, call)
    finally:
        upstream.start()
    assert (problem.status_code, problem.code) == (503, "server_is_overloaded")
    assert problem.response.headers["retry-after"] == "2"
    with calling(gateway, key) as call:
        call()


def test_a_full_queue_is_a_503_with_retry_after(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    gate = upstream.gate()

    async def hold(exchange: Exchange) -> None:
        await exchange.head()
        await gate.passed()
        await exchange.words()
        await exchange.usage()

    upstream.behave = hold
    key = make_key(gateway.url)
    with calling(gateway, key) as call:
        threads = [
            threading.Thread(target=lambda: list(call(stream=True)), daemon=True) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        upstream.wait_for_chats(1)
        with connect(gateway.url) as plain:
            while plain.get("/health").json()["queue"]["waiting"] < 1:
                pass
        problem = refused(openai.InternalServerError, call)
        gate.open()
        for thread in threads:
            thread.join()
    assert (problem.status_code, problem.code) == (503, "server_is_overloaded")
    assert problem.response.headers["retry-after"] == "5"
    assert len(upstream.chats) == 2


def test_a_database_that_is_away_is_a_503_with_retry_after_and_never_a_401(
    upstream: FakeUpstream, gateway: GatewayProcess, postgres: Server
) -> None:
    key = make_key(gateway.url)
    postgres.stop()
    try:
        with calling(gateway, key) as call:
            problem = refused(openai.InternalServerError, call)
            with connect(gateway.url) as plain:
                assert plain.get("/v1/usage", headers={"X-API-Key": key}).status_code == 503
    finally:
        postgres.start()
    assert (problem.status_code, problem.code) == (503, "server_is_overloaded")
    assert problem.response.headers["retry-after"] == "5"
    assert upstream.chats == []
    with calling(gateway, key) as call:
        call()


@pytest.mark.parametrize("streaming", [False, True])
def test_a_model_that_says_nothing_is_a_504(
    upstream: FakeUpstream, impatient_gateway: GatewayProcess, streaming: bool
) -> None:
    gate = upstream.gate()
    upstream.behave = lambda _: gate.passed()
    with calling(impatient_gateway, make_key(impatient_gateway.url)) as call:
        problem = refused(openai.InternalServerError, call, stream=streaming)
    assert (problem.status_code, problem.code) == (504, "upstream_timeout")
    upstream.wait_until(lambda: upstream.chats[0].gone)


@pytest.mark.parametrize("how", ["cut", "ended early", "crashed", "silent", "not an answer"])
def test_a_stream_that_breaks_is_an_api_error_after_what_came(
    upstream: FakeUpstream, gateway: GatewayProcess, own_dsn: str, how: str
) -> None:
    with ExitStack() as stack:
        if how == "silent":  # it waits longer than a busy machine takes for the words before
            settings = {**FEW, "OLLAMA_TIMEOUT": 3}
            gateway = stack.enter_context(served(upstream.url, own_dsn, **settings))
        breaks_after_what_came(upstream, gateway, how)


def breaks_after_what_came(upstream: FakeUpstream, gateway: GatewayProcess, how: str) -> None:
    never = upstream.gate()

    async def break_off(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words()
        match how:
            case "cut":
                exchange.cut()
            case "ended early":  # Ollama's repeat guard
                await exchange.end()
            case "crashed":  # its runner died: an empty chunk, then a clean end without [DONE]
                crash = exchange.chunk([{"index": 0, "delta": {}, "finish_reason": None}])
                await exchange.event({**crash, "model": ""})
                await exchange.end()
            case "silent":
                await never.passed()
            case _:
                await exchange.send(b"\xff\x00 not an event")
                await exchange.end()

    upstream.behave = break_off
    key = make_key(gateway.url)
    text = ""
    with calling(gateway, key) as call, pytest.raises(openai.APIError) as caught:
        for chunk in call(stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text == "".join(WORDS)
    assert not isinstance(caught.value, openai.APIStatusError)
    assert caught.value.code == ("upstream_timeout" if how == "silent" else "upstream_error")
    requests, prompt, completion = counted(gateway.url, key)
    assert requests == 1
    assert prompt > 0
    assert len(WORDS) <= completion <= 50


@pytest.mark.parametrize("how", ["cut", "not JSON", "repeat guard"])
def test_a_whole_answer_that_breaks_is_an_error(
    upstream: FakeUpstream, gateway: GatewayProcess, how: str
) -> None:
    async def break_off(exchange: Exchange) -> None:
        match how:
            case "cut":
                await exchange.head("application/json")
                await exchange.send(b'{"id": "chatcmpl-1", "choices": [')
                exchange.cut()
            case "not JSON":
                await exchange.whole(b"<html>proxy error</html>")
            case _:
                answer = exchange.completion(prompt=0, completion=0)
                answer["choices"][0]["finish_reason"] = None
                await exchange.whole(answer)

    upstream.behave = break_off
    key = make_key(gateway.url)
    with calling(gateway, key) as call:
        problem = refused(openai.InternalServerError, call)
    assert (problem.status_code, problem.code) == (502, "upstream_error")
    if how == "repeat guard":  # text that was made, without a finish_reason
        assert counted(gateway.url, key)[2] > 0
