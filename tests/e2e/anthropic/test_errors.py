"""What goes wrong is the exception that users of the `anthropic` package catch for it."""

import contextlib
from collections.abc import Callable, Generator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.support.callers import admin, counted, make_key, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import CLOUD_MODEL, MODEL, Exchange, FakeUpstream
from tests.support.lane_calls import reached


@contextlib.contextmanager
def calling(
    gateway: GatewayProcess, key: str, retries: int = 0, **headers: str
) -> Generator[Callable[..., Any]]:
    with Anthropic(
        base_url=gateway.url, api_key=key, max_retries=retries, default_headers=headers
    ) as client:

        def call(**changes: Any) -> anthropic.types.Message:
            asked = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
            return client.messages.create(**{**asked, "max_tokens": 50, **changes})

        yield call


def refused(
    expected: type[anthropic.APIStatusError], call: Callable[..., Any], **changes: Any
) -> anthropic.APIStatusError:
    """The error that the call gives, in the shape that each error has."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        call(**changes)
    problem = caught.value
    assert type(problem) is expected, problem
    assert isinstance(problem.body, dict)
    assert set(problem.body) == {"type", "error", "request_id"}
    assert problem.request_id == problem.body["request_id"]
    assert problem.request_id == problem.response.headers["x-request-id"]
    assert problem.api_message
    return problem


def test_a_key_that_is_none_any_more_is_an_authentication_error(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    made = make_keys(gateway.url)
    admin(gateway.url, "DELETE", f"/api-keys/{made['id']}")
    for key in ("sk-ant-nonsense", "llm_" + "0" * 26, made["key"]):
        with calling(gateway, key) as call:
            problem = refused(anthropic.AuthenticationError, call)
        assert (problem.status_code, problem.type) == (401, "authentication_error")
    assert upstream.chats == []


def test_what_a_key_may_not_do_is_a_permission_denied_error(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    narrow = make_key(
        gateway.url, allowed_models=["another"], allowed_origins=["https://mine.example"]
    )
    with calling(gateway, narrow) as call:
        assert refused(anthropic.PermissionDeniedError, call).type == "permission_error"
    with calling(gateway, narrow, Origin="https://other.example") as call:
        refused(anthropic.PermissionDeniedError, call, model="another")
    with calling(gateway, make_key(gateway.url, scopes=["models:read"])) as call:
        refused(anthropic.PermissionDeniedError, call)
    with calling(gateway, make_key(gateway.url)) as call:
        for model in ("gpt-oss:120b-cloud", "X:Cloud ", CLOUD_MODEL):
            refused(anthropic.PermissionDeniedError, call, model=model)
    assert upstream.chats == []


def test_a_model_that_is_not_there_is_a_not_found_error(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    async def not_found(exchange: Exchange) -> None:
        error = {"type": "not_found_error", "message": "model 'nothing' not found"}
        await exchange.whole({"type": "error", "error": error, "request_id": "req_1"}, 404)

    upstream.behave = not_found
    key = make_key(gateway.url)
    with calling(gateway, key) as call:
        problem = refused(anthropic.NotFoundError, call, model="nothing")
    assert problem.api_message == "model 'nothing' not found"
    assert counted(gateway.url, key) == (1, 0, 0)


def test_a_wrong_request_is_a_bad_request_error_that_names_the_field(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    wrong: list[tuple[str, Any]] = [("temperature", "hot"), ("messages", []), ("max_tokens", 0)]
    with calling(gateway, make_key(gateway.url)) as call:
        for field, value in wrong:
            problem = refused(anthropic.BadRequestError, call, extra_body={field: value})
            assert field in (problem.api_message or "")
    assert upstream.chats == []


def test_a_server_s_tool_that_is_insisted_on_and_a_picture_by_address_are_errors_that_say_why(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    source = {"type": "url", "url": "http://10.0.0.1/x.png"}
    picture = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    with calling(gateway, make_key(gateway.url)) as call:
        forced = {"type": "tool", "name": "web_search"}
        problem = refused(anthropic.BadRequestError, call, tools=[search], tool_choice=forced)
        assert problem.type == "invalid_request_error"
        assert "tools" in (problem.api_message or "")
        problem = refused(anthropic.BadRequestError, call, messages=picture)
        assert "base64" in (problem.api_message or "")
    assert upstream.chats == []


def test_tokens_are_estimated_for_who_asks_ahead_and_nothing_is_charged(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url)
    with Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client:
        short, long = (
            client.messages.count_tokens(
                model=MODEL, messages=[{"role": "user", "content": "word " * words}]
            ).input_tokens
            for words in (1, 1000)
        )
        answer = client.messages.with_raw_response.count_tokens(
            model=MODEL, messages=[{"role": "user", "content": "hi"}]
        )
    assert 0 < short < 20
    assert 900 < long < 1300
    assert answer.headers["x-localllm-estimated"] == "input_tokens"
    assert reached(upstream) == set()
    assert counted(gateway.url, key) == (0, 0, 0)


def test_too_many_requests_are_a_rate_limit_error_that_says_when_to_come_back(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    with calling(gateway, make_key(gateway.url, rate_limit_per_min=1)) as call:
        call()
        problem = refused(anthropic.RateLimitError, call)
    assert problem.type == "rate_limit_error"
    assert 1 <= int(problem.response.headers["retry-after"]) <= 70
    assert len(upstream.chats) == 1


def test_a_spent_quota_is_a_rate_limit_error_that_no_client_tries_again(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url, rate_limit_per_min=9, monthly_token_limit=20)
    with calling(gateway, key, retries=5) as call:
        problem = refused(anthropic.RateLimitError, call)
    assert problem.response.headers["x-should-retry"] == "false"
    # One try only: a second one would have shown in this header.
    assert problem.response.request.headers["x-stainless-retry-count"] == "0"
    assert upstream.chats == []


def test_a_busy_model_is_tried_as_often_as_the_client_says_and_each_try_is_seen(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    async def busy(exchange: Exchange) -> None:
        error = {"type": "overloaded_error", "message": "server busy, please try again"}
        await exchange.whole({"type": "error", "error": error}, 503)

    upstream.behave = busy
    key = make_key(gateway.url)
    with calling(gateway, key, retries=1) as call:
        problem = refused(anthropic.ServiceUnavailableError, call)
    assert (problem.status_code, problem.type) == (503, "overloaded_error")
    assert problem.response.headers["retry-after"] == "2"
    assert len(upstream.chats) == 2
    assert counted(gateway.url, key) == (2, 0, 0)


def test_a_body_that_is_too_large_is_said_to_be(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    with calling(gateway, make_key(gateway.url)) as call:
        with pytest.raises(anthropic.APIStatusError) as caught:
            call(messages=[{"role": "user", "content": "x" * (21 * 1024**2)}])
        assert (caught.value.status_code, caught.value.type) == (413, "request_too_large")
    assert upstream.chats == []


@pytest.mark.parametrize("how", ["cut", "not JSON"])
def test_a_whole_answer_that_breaks_is_an_internal_server_error(
    upstream: FakeUpstream, gateway: GatewayProcess, how: str
) -> None:
    async def break_off(exchange: Exchange) -> None:
        if how == "cut":
            await exchange.head("application/json")
            await exchange.send(b'{"id":"msg_1","content":[')
            exchange.cut()
        else:
            await exchange.whole(b"<html>proxy error</html>")

    upstream.behave = break_off
    with calling(gateway, make_key(gateway.url)) as call:
        problem = refused(anthropic.InternalServerError, call)
    assert (problem.status_code, problem.type) == (502, "api_error")
