"""What clients of Anthropic's API expect of every route."""

from typing import Literal

from msgspec import Struct

from gateway.core.errors import Refusal
from gateway.dialects.family import SSE, Family
from gateway.dialects.shared import sse

# By status, as Anthropic documents them.
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class AnthropicErrorDetail(Struct):
    type: str
    message: str


class AnthropicError(Struct):
    """A refusal, in Anthropic's form."""

    type: Literal["error"]
    error: AnthropicErrorDetail
    request_id: str


def _make_error(refusal: Refusal, request_id: str) -> AnthropicError:
    status = refusal.kind.status
    other = "invalid_request_error" if status < 500 else "api_error"
    detail = AnthropicErrorDetail(_TYPES.get(status, other), refusal.message)
    return AnthropicError("error", detail, request_id)


def _error_event(error: bytes) -> bytes:
    """The clients raise what comes under this name."""
    return sse.write(error, b"error")


FAMILY = Family(
    name="anthropic",
    prefixes=("/v1/messages",),
    framing=SSE,
    error_shape=AnthropicError,
    make_error=_make_error,
    error_event=_error_event,
    words={  # by these, Claude Code knows that it has to shorten the conversation
        "context_length_exceeded": "prompt is too long: {tokens} tokens > {limit} maximum. {detail}"
    },
    request_id_headers=(b"request-id",),
)
