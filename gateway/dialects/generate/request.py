"""A request for a text: what may stand in it, and the chat that it becomes."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.dialects.openai.chat.request import ChatRequest, Message
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.fields import MOST_TOKENS, STREAM
from gateway.dialects.shared.prompt import length, prompt_bound


class GenerateRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is null or left out takes its default; other fields than these are refused."""

    model: Annotated[
        str | None,
        Meta(description="A name that GET /v1/models lists; left out: the server's default model."),
    ] = None
    prompt: Annotated[str, Meta(min_length=1, description="What the model is asked.")]
    system: Annotated[str | None, Meta(description="How it should answer.")] = None
    max_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=2**63 - 1)] | None,
        MOST_TOKENS,
    ] = None
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        Meta(description="0: the likeliest words; more: more varied."),
    ] = None
    stream: Annotated[bool | None, STREAM] = None


def measure(request: GenerateRequest) -> Sanitised:
    """What it may cost."""
    messages = [Message("user", request.prompt)]
    if request.system:
        messages.insert(0, Message("system", request.system))
    size = length(request.prompt) + length(request.system)
    return Sanitised(
        parsed=ChatRequest(
            model=request.model,
            messages=messages,
            stream=request.stream or None,
            temperature=request.temperature,
        ),
        stream=bool(request.stream),
        wants_usage=False,
        prompt_bytes=size,
        messages=len(messages),
        prompt_bound=prompt_bound(size, messages=len(messages)),
        max_output=request.max_tokens,
    )
