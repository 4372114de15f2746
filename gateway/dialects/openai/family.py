"""What clients of OpenAI's API expect of every route. The gateway's own routes speak this way too,
and so do all paths that no other family claims."""

from msgspec import Struct

from gateway.core.errors import Refusal
from gateway.dialects.family import SSE, Family
from gateway.dialects.shared import sse


class ErrorDetail(Struct):
    """All four keys are always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class Error(Struct):
    """A refusal, in OpenAI's form."""

    error: ErrorDetail


def _make_error(refusal: Refusal, request_id: str) -> Error:
    kind = refusal.kind
    return Error(ErrorDetail(refusal.message, kind.type, refusal.param, kind.code))


FAMILY = Family(
    name="openai",
    prefixes=("",),
    framing=SSE,
    error_shape=Error,
    make_error=_make_error,
    error_event=sse.write,  # `data: {"error": …}` raises APIError in the clients
)
