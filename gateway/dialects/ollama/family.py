"""What clients of Ollama's own API expect of every route."""

from msgspec import Struct

from gateway.core.errors import Refusal
from gateway.dialects.family import NDJSON, Family


class OllamaError(Struct):
    """A refusal, in Ollama's form."""

    error: str


def _make_error(refusal: Refusal, request_id: str) -> OllamaError:
    return OllamaError(refusal.message)


def _error_event(error: bytes) -> bytes:
    """`{"error": …}` as a line raises ResponseError in the clients."""
    return error + b"\n"


FAMILY = Family(
    name="ollama",
    prefixes=("/api/",),
    framing=NDJSON,
    error_shape=OllamaError,
    make_error=_make_error,
    error_event=_error_event,
    words={
        "context_length_exceeded": "the prompt is longer than the context length currently"
        " available to the model: {tokens} tokens, and {limit} fit. {detail}"
    },
)
