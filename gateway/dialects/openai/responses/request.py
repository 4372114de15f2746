"""A request for a response: the fields that are passed on, and what they may cost.

Ollama keeps nothing between two requests. What would be state is refused where the answer would be
another one without it, and left out where it only asks for storage (`store`, `background`).
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.openai.responses.items import InputItem, refusal
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import strict_json
from gateway.dialects.shared.prompt import (
    MESSAGE_OVERHEAD,
    TOOL_OVERHEAD,
    Choice,
    length,
    printed_size,
)

_Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_REFUSED = Meta(description="Refused: nothing is kept here. Send the conversation as `input`.")
_STATE = ("previous_response_id", "conversation", "prompt")


class FunctionTool(Struct, omit_defaults=True):
    """A function that the model may ask you to call."""

    type: str
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class TextFormat(Struct, omit_defaults=True):
    type: str
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextOptions(Struct, omit_defaults=True):
    format: TextFormat | None = None


class ReasoningOptions(Struct, omit_defaults=True):
    effort: Choice | None = None
    summary: Choice | None = None
    generate_summary: Choice | None = None


class ResponseRequest(Struct, omit_defaults=True):
    """Fields that are not listed here do not reach the model."""

    model: Annotated[str, Meta(description="A name that GET /v1/models lists.")]
    input: Annotated[
        str | list[InputItem], Meta(description="A text, or the conversation so far.")
    ] = ""
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Annotated[
        _Int | None,
        Meta(description="Most tokens of the answer; cut to what the key has left this month."),
    ] = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[FunctionTool] | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    truncation: Choice | None = None
    previous_response_id: Annotated[str | None, _REFUSED] = None
    conversation: Annotated[Any, _REFUSED] = None
    prompt: Annotated[Any, _REFUSED] = None


def sanitise(body: bytes | bytearray) -> Sanitised | Refusal:
    """Check a request and say what it may cost."""
    request = strict_json.parse(body, ResponseRequest)
    if isinstance(request, Refusal):
        return request
    model = strict_json.model_name(request.model)
    if isinstance(model, Refusal):
        return model
    items = request.input if isinstance(request.input, list) else [InputItem(content=request.input)]
    problem = _kept(request) or _run(request)
    if isinstance(request.input, list):
        problem = problem or refusal(items)
    if problem is not None:
        return problem
    size = length(request.instructions) + sum(item.size() for item in items)
    for extra in (request.tools, request.text):
        printed = printed_size(extra)
        if isinstance(printed, Refusal):
            return printed
        size += printed
    messages = len(items) + bool(request.instructions)
    cap = request.max_output_tokens
    return Sanitised(
        model=model,
        cloud=model_names.is_cloud(request.model),
        stream=bool(request.stream),
        wants_usage=True,
        prompt_bytes=size,
        messages=messages,
        prompt_bound=size
        + MESSAGE_OVERHEAD * max(1, messages)
        + TOOL_OVERHEAD * len(request.tools or ()),
        max_output=cap if cap and cap > 0 else None,
        request=request,
    )


def serialise(sanitised: Sanitised, granted: int) -> bytes | Refusal:
    """The request as it goes upstream: our own JSON, with the granted output as its cap."""
    request: ResponseRequest = sanitised.request
    request.model = model_names.upstream_name(request.model, sanitised.model)
    request.max_output_tokens = granted
    return strict_json.encode(request)


def _kept(request: ResponseRequest) -> Refusal | None:
    for name in _STATE:
        if getattr(request, name) is not None:
            text = f"'{name}' is refused: nothing is kept here. Send the conversation as 'input'."
            return Refusal("invalid_request", text, param=name)
    return None


def _run(request: ResponseRequest) -> Refusal | None:
    """Tools that a server runs itself call out, to the web or to wherever the caller says."""
    for at, tool in enumerate(request.tools or ()):
        if tool.type != "function":
            text = f"Tools of the type '{tool.type[:40]}' are not offered here, only functions."
            return Refusal("invalid_request", text, param=f"tools[{at}].type")
    return None
