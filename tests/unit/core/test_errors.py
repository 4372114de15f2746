"""Every refusal there is has the shape that clients of its path expect."""

import json

import pytest

from gateway.core.errors import KINDS, Refusal
from gateway.dialects import error_body

TABLE = {  # docs/conventions.md
    "missing_api_key": (401, "invalid_request_error", "invalid_api_key"),
    "malformed_api_key": (401, "invalid_request_error", "invalid_api_key"),
    "invalid_api_key": (401, "invalid_request_error", "invalid_api_key"),
    "key_revoked": (401, "invalid_request_error", "invalid_api_key"),
    "key_expired": (401, "invalid_request_error", "invalid_api_key"),
    "scope_missing": (403, "invalid_request_error", "permission_denied"),
    "origin_not_allowed": (403, "invalid_request_error", "permission_denied"),
    "model_not_allowed": (403, "invalid_request_error", "model_not_found"),
    "unknown_model": (404, "invalid_request_error", "model_not_found"),
    "rate_limit_exceeded": (429, "rate_limit_error", "rate_limit_exceeded"),
    "insufficient_quota": (429, "insufficient_quota", "insufficient_quota"),
    "request_too_large": (413, "invalid_request_error", "request_too_large"),
    "queue_full": (503, "service_unavailable_error", "server_is_overloaded"),
    "upstream_unavailable": (503, "service_unavailable_error", "server_is_overloaded"),
    "store_unavailable": (503, "service_unavailable_error", "server_is_overloaded"),
    "upstream_timeout": (504, "timeout_error", "upstream_timeout"),
}
ANTHROPIC_TYPES = {
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "timeout_error",
    "overloaded_error",
    "api_error",
}
every_reason = pytest.mark.parametrize("reason", list(KINDS))


def filled(reason: str) -> Refusal:
    return Refusal(reason, "a {detail}", model="{model}", param="x", retry_after_ms=1500)


@every_reason
def test_openai_errors_have_all_four_keys(reason):
    body = json.loads(error_body("/v1/chat/completions", filled(reason), "id"))
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    kind = KINDS[reason]
    assert (body["error"]["type"], body["error"]["code"]) == (kind.type, kind.code)
    assert body["error"]["message"]
    assert body["error"]["param"] == "x"


@every_reason
def test_anthropic_errors_have_their_own_shape_and_types(reason):
    body = json.loads(error_body("/v1/messages", filled(reason), "id"))
    assert set(body) == {"type", "error", "request_id"}
    assert (body["type"], body["request_id"]) == ("error", "id")
    assert set(body["error"]) == {"type", "message"}
    assert body["error"]["type"] in ANTHROPIC_TYPES


@every_reason
def test_ollama_errors_are_one_text(reason):
    refusal = filled(reason)
    assert json.loads(error_body("/api/chat", refusal, "id")) == {"error": refusal.message}


@pytest.mark.parametrize("reason", list(TABLE))
def test_statuses_types_and_codes_are_those_that_sdks_act_upon(reason):
    kind = KINDS[reason]
    assert (kind.status, kind.type, kind.code) == TABLE[reason]


def test_what_a_caller_wrote_is_shown_as_it_is_and_never_formatted():
    assert filled("unknown_model").message == "The model '{model}' is not installed."
    assert filled("not_found").message == "a {detail}"


def test_a_wait_is_rounded_up_to_whole_seconds():
    assert "in 2 s" in filled("rate_limit_exceeded").message


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_half_a_surrogate_pair_in_the_input_does_not_break_the_error(path):
    refusal = Refusal("invalid_request", "the key '\ud800'", param="\udfff")
    assert "the key" in error_body(path, refusal, "id").decode("utf-8")
