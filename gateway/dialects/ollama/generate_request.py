"""A request to Ollama's generate: the fields that are passed on, and what they may cost."""

from typing import Annotated

from gateway.core.errors import Refusal
from gateway.dialects.ollama.privileges import NEEDS_SCOPE
from gateway.dialects.ollama.request import PromptedRequest, cap, measured, pictures, too_large
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.fields import Int
from gateway.dialects.shared.prompt import length, printed_size

_CONTEXT_TOKEN = 4  # bytes: what an estimate takes for one


class OllamaGenerateRequest(PromptedRequest, kw_only=True):
    """Fields of Ollama's GenerateRequest. Without a prompt the model is only loaded, or dropped.
    `images` are base64."""

    prompt: str | None = None
    system: str | None = None
    suffix: str | None = None
    images: list[str] | None = None
    raw: Annotated[bool | None, NEEDS_SCOPE] = None
    template: Annotated[str | None, NEEDS_SCOPE] = None
    context: Annotated[list[Int] | None, NEEDS_SCOPE] = None


def measure(request: OllamaGenerateRequest) -> Sanitised | Refusal:
    """What it may cost."""
    problem = too_large(request)
    if problem is not None:
        return problem
    schema = printed_size(request.format)
    if isinstance(schema, Refusal):
        return schema
    texts = (request.prompt, request.system, request.suffix)
    before = _CONTEXT_TOKEN * len(request.context or ())
    more = length(request.template) + before + schema + pictures(request.images)
    sanitised = measured(
        request,
        size=sum(map(length, texts)) + more,
        wraps=sum(text is not None for text in texts) if request.prompt else 0,
        stream=request.stream is not False,
        max_output=cap(request.options),
        empty=None if request.prompt else "prompt",
    )
    # A template can print a prompt of any length, and the text that Ollama makes of `context` can
    # have more tokens than the numbers in it.
    sanitised.fills_context = bool(request.prompt and (request.template or request.context))
    return sanitised
