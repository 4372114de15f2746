"""What goes wrong is the exception that users of the `openai` package catch for it."""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.e2e.callers import admin, connect, counted, make_key, make_keys, served
from tests.e2e.failing_parts import GatewayProcess, fresh_database
from tests.fake_upstream import CLOUD_MODEL, MODEL, WORDS, Exchange, FakeUpstream, fake_upstream
from tests.postgres_fixture import Server

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        yield running


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, postgres: Server) -> Iterator[GatewayProcess]:
    """One slot, room for one to wait, and little patience with a silent model."""
    with (
        fresh_database(postgres) as dsn,
        served(
            shared_upstream.url,
            dsn,
            UPSTREAM_CONCURRENCY=1,
            QUEUE_LIMIT=1,
            OLLAMA_TIMEOUT=0.5,
        ) as running,
    ):
        yield running


@contextlib.contextmanager
def calling(
    gateway: GatewayProcess, key: str, retries: int = 0, **headers: str
) -> Generator[Callable[..., Any]]:
    with OpenAI(
        base_url=f"{gateway.url}/v1", api_key=key, max_retries=retries, default_headers=headers
    ) as client:

        def call(**changes: Any) -> ChatCompletion:
            return client.chat.completions.create(
                **{"model": MODEL, "messages": ASKED, "max_tokens": 50, **changes}
            )

        yield call


def refused(
    expected: type[openai.APIStatusError], call: Callable[..., Any], **changes: Any
) -> openai.APIStatusError:
    """The error that the call gives, in the shape that each error has."""
    with pytest.raises(openai.APIStatusError) as caught:
        call(**changes)
    problem = caught.value
    assert type(problem) is expected, problem
    assert isinstance(problem.body, dict)
    assert set(problem.body) == {"message", "type", "param", "code"}
    assert problem.body["message"]
    assert problem.request_id
    return problem


def test_a_key_that_is_none_any_more_is_an_authentication_error(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    made = make_keys(gateway.url)
    admin(gateway.url, "DELETE", f"/api-keys/{made['id']}")
    unknown = "llm_" + "0" * 26
    for key in ("sk-nonsense", unknown, made["key"]):
        with calling(gateway, key) as call:
            problem = refused(openai.AuthenticationError, call)
        assert (problem.status_code, problem.code) == (401, "invalid_api_key")
    assert upstream.chats == []


def test_what_a_key_may_not_do_is_a_permission_denied_error(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    narrow = make_key(
        gateway.url, allowed_models=["another"], allowed_origins=["https://mine.example"]
    )
    with calling(gateway, narrow) as call:
        assert refused(openai.PermissionDeniedError, call).code == "model_not_found"
    with calling(gateway, narrow, Origin="https://other.example") as call:
        problem = refused(openai.PermissionDeniedError, call, model="another")
        assert problem.code == "permission_denied"
    with calling(gateway, make_key(gateway.url, scopes=["models:read"])) as call:
        assert refused(openai.PermissionDeniedError, call).code == "permission_denied"
    assert upstream.chats == []


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", "x:cloud", "X:Cloud ", CLOUD_MODEL])
def test_a_model_that_leaves_the_machine_is_a_permission_denied_error(
    upstream: FakeUpstream, gateway: GatewayProcess, model: str
) -> None:
    with calling(gateway, make_key(gateway.url)) as call:
        problem = refused(openai.PermissionDeniedError, call, model=model)
    assert (problem.status_code, problem.param) == (403, "model")
    assert upstream.chats == []


def test_a_model_that_is_not_there_is_a_not_found_error(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    async def not_found(exchange: Exchange) -> None:
        error = {"message": "model 'nothing' not found", "type": "not_found_error"}
        await exchange.whole({"error": {**error, "param": None, "code": None}}, 404)

    upstream.behave = not_found
    key = make_key(gateway.url)
    with calling(gateway, key) as call:
        problem = refused(openai.NotFoundError, call, model="nothing")
    assert problem.code == "model_not_found"
    assert "model 'nothing' not found" in problem.message
    assert counted(gateway.url, key) == (1, 0, 0)


def test_a_wrong_request_is_a_bad_request_error_that_names_the_field(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    with calling(gateway, make_key(gateway.url)) as call:
        problem = refused(openai.BadRequestError, call, temperature="hot")
        assert (problem.status_code, problem.param) == (400, "temperature")
        assert refused(openai.BadRequestError, call, messages=[]).param == "messages"
    assert upstream.chats == []


def test_too_many_requests_are_a_rate_limit_error_that_says_when_to_come_back(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    with calling(gateway, make_key(gateway.url, rate_limit_per_min=1)) as call:
        call()
        problem = refused(openai.RateLimitError, call)
    assert (problem.type, problem.code) == ("rate_limit_error", "rate_limit_exceeded")
    headers = problem.response.headers
    assert 1 <= int(headers["retry-after"]) <= 70
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert "x-should-retry" not in headers
    assert len(upstream.chats) == 1


def test_a_spent_quota_is_a_rate_limit_error_that_no_client_tries_again(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url, rate_limit_per_min=9, monthly_token_limit=20)
    with calling(gateway, key, retries=5) as call:
        problem = refused(openai.RateLimitError, call)
    assert (problem.type, problem.code) == ("insufficient_quota", "insufficient_quota")
    assert problem.response.headers["x-should-retry"] == "false"
    # One try only: a second one would have shown in this header.
    assert problem.response.request.headers["x-stainless-retry-count"] == "0"
    assert upstream.chats == []


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
    upstream: FakeUpstream, gateway: GatewayProcess, streaming: bool
) -> None:
    gate = upstream.gate()
    upstream.behave = lambda _: gate.passed()
    with calling(gateway, make_key(gateway.url)) as call:
        problem = refused(openai.InternalServerError, call, stream=streaming)
    assert (problem.status_code, problem.code) == (504, "upstream_timeout")
    upstream.wait_until(lambda: upstream.chats[0].gone)


@pytest.mark.parametrize("how", ["cut", "ended early", "crashed", "silent", "not an answer"])
def test_a_stream_that_breaks_is_an_api_error_after_what_came(
    upstream: FakeUpstream, gateway: GatewayProcess, how: str
) -> None:
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
def test_a_whole_answer_that_breaks_is_an_error_or_says_that_it_is_none(
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
        if how == "repeat guard":  # as Ollama says it: no finish_reason, but text that was made
            assert call().choices[0].finish_reason is None
            assert counted(gateway.url, key)[2] > 0
            return
        problem = refused(openai.InternalServerError, call)
    assert (problem.status_code, problem.code) == (502, "upstream_error")
