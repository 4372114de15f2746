"""A request to Ollama's generate: the fields that are passed on, and what they may cost."""

from typing import Annotated

from msgspec import Meta

from gateway.dialects.base import Sanitised
from gateway.dialects.ollama_request import (
    REFUSED,
    PromptedRequest,
    cap,
    pictures,
    read,
    sanitised,
)
from gateway.dialects.prompt import length, printed_size
from gateway.errors import Refusal


class OllamaGenerateRequest(PromptedRequest, kw_only=True):
    """Fields of Ollama's GenerateRequest. What would change the model for others is refused.
    `images` are base64."""

    prompt: Annotated[str, Meta(min_length=1)]  # none: the model would only be loaded
    system: str | None = None
    suffix: str | None = None
    images: list[str] | None = None
    raw: Annotated[bool | None, REFUSED] = None
    template: Annotated[str | None, REFUSED] = None
    context: Annotated[list[int] | None, REFUSED] = None


def sanitise(body: bytes | bytearray) -> Sanitised | Refusal:
    """Check a request and say what it may cost."""
    request = read(body, OllamaGenerateRequest)
    if isinstance(request, Refusal):
        return request
    schema = printed_size(request.format)
    if isinstance(schema, Refusal):
        return schema
    texts = (request.prompt, request.system, request.suffix)
    return sanitised(
        request,
        size=sum(map(length, texts)) + schema + pictures(request.images),
        wraps=sum(text is not None for text in texts),
        stream=request.stream is not False,
        max_output=cap(request.options),
    )
