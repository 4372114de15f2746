"""Every refusal there is has the shape that clients of its path expect."""

import json

import msgspec
import pytest

from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.dialects import error_body, family_of

# What OpenAI's clients and the programs above them act upon: by status, the types and codes.
KNOWN = {
    401: {
        ("invalid_request_error", "invalid_api_key"),
        ("invalid_request_error", "invalid_visitor_token"),  # for pages: log in again
        ("invalid_request_error", "visitor_token_expired"),  # and: get a new token
        ("invalid_request_error", "visitor_token_used_up"),
    },
    403: {
        ("invalid_request_error", "permission_denied"),
        ("invalid_request_error", "model_not_found"),
        ("invalid_request_error", "visitor_token_required"),
        ("invalid_request_error", "request_cancelled"),
    },
    413: {("invalid_request_error", "request_too_large")},
    429: {
        ("rate_limit_error", "rate_limit_exceeded"),
        ("insufficient_quota", "insufficient_quota"),
        ("rate_limit_error", "visitor_rate_limit_exceeded"),
        ("insufficient_quota", "visitor_quota"),
    },
    503: {("service_unavailable_error", "server_is_overloaded")},
    504: {("timeout_error", "upstream_timeout")},
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
    said = json.loads(error_body("/api/chat", refusal, "id"))
    words = family_of("/api/chat").words.get(reason, "")
    assert said == {"error": msgspec.structs.replace(refusal, words=words).message}


@pytest.mark.parametrize("reason", sorted(KINDS.keys() - {"admin_denied"}))
def test_a_status_has_a_type_and_code_that_openai_s_clients_know(reason):
    kind = KINDS[reason]
    assert kind.status not in KNOWN or (kind.type, kind.code) in KNOWN[kind.status]


def test_a_model_that_is_not_there_is_told_as_openai_does():
    kind = KINDS["unknown_model"]
    assert (kind.status, kind.code) == (404, "model_not_found")


def test_what_a_caller_wrote_is_shown_as_it_is_and_never_formatted():
    assert filled("unknown_model").message == "model '{model}' not found"
    assert filled("not_found").message == "a {detail}"


def test_a_wait_is_rounded_up_to_whole_seconds():
    assert "in 2 s" in filled("rate_limit_exceeded").message


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_a_wrong_key_is_told_in_openai_s_words_and_how_to_send_one_and_who_makes_it(path):
    wrong = [reason for reason in KINDS if KINDS[reason].code == "invalid_api_key"]
    assert len(wrong) == 5
    for reason in wrong:
        told = error_body(path, filled(reason), "id").decode()
        for words in ("Incorrect API key provided", "Authorization: Bearer KEY", "owner"):
            assert words in told, reason


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_half_a_surrogate_pair_in_the_input_does_not_break_the_error(path):
    refusal = Refusal("invalid_request", "the key '\ud800'", param="\udfff")
    assert "the key" in error_body(path, refusal, "id").decode("utf-8")
