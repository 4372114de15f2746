"""What a caller may not do is the exception that users of the `openai` package catch for it."""

import openai
import pytest

from tests.support.callers import admin, counted, make_key, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import CLOUD_MODEL, Exchange, FakeUpstream
from tests.support.openai_calls import calling, refused


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
