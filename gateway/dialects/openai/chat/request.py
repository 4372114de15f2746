"""A request to chat: the fields that are passed on, and what they may cost.

A field that is not named here does not reach the model server (Ollama itself ignores the rest).
Its shapes hold after kinds.py has left out and translated what they do not know.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.core.errors import Refusal
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import schemas
from gateway.dialects.shared.fields import Choice, Int, Logprobs, TopK, least_cap
from gateway.dialects.shared.prompt import (
    IMAGE_FLOOR,
    NO_URLS,
    USUAL_ROLE,
    length,
    picture_size,
    printed_length,
    printed_size,
    prompt_bound,
    stands_alone,
)


class ImageURL(Struct, omit_defaults=True):
    url: str
    detail: str | None = None


class Audio(Struct, omit_defaults=True):
    data: str
    format: str | None = None


class Part(Struct, omit_defaults=True):
    type: str
    text: str | None = None
    image_url: ImageURL | str | None = None
    input_audio: Audio | None = None


class CalledFunction(Struct):
    name: str
    arguments: str | None = ""


class ToolCall(Struct, omit_defaults=True):
    function: CalledFunction
    id: str | None = None
    index: Int | None = None
    type: str | None = None


class Message(Struct, omit_defaults=True):
    role: str
    content: str | list[Part] | UnsetType | None = UNSET
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    name: str | None = None
    tool_call_id: str | None = None


class Function(Struct, omit_defaults=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(Struct, omit_defaults=True):
    type: str
    function: Function


class NamedFunction(Struct):
    name: str


class ForcedTool(Struct):
    """The function that the model has to call."""

    type: str
    function: NamedFunction


class StreamOptions(Struct):
    include_usage: bool | None = None


class JsonSchema(Struct, omit_defaults=True):
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class ResponseFormat(Struct, omit_defaults=True):
    type: str
    json_schema: JsonSchema | None = None


class Reasoning(Struct, omit_defaults=True):
    effort: Choice | None = None


class ChatRequest(Struct, omit_defaults=True, kw_only=True):
    """Fields of Ollama's ChatCompletionRequest and `max_completion_tokens`, translated; and some
    that other servers know (kinds.py)."""

    model: str | None = None
    messages: Annotated[list[Message], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Int | None = None
    max_completion_tokens: Int | None = None
    seed: Int | None = None
    stop: str | list[str] | None = None
    temperature: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    top_p: float | None = None
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = None
    reasoning: Reasoning | None = None
    reasoning_effort: Choice | None = None
    logprobs: bool | None = None
    top_logprobs: Logprobs | None = None
    tool_choice: Choice | ForcedTool | None = None
    parallel_tool_calls: bool | None = None
    top_k: TopK | None = None
    min_p: float | None = None
    chat_template_kwargs: dict[str, Any] | None = None


def measure(request: ChatRequest) -> Sanitised | Refusal:
    """What it may cost."""
    if not all(map(stands_alone, map(_picture, _parts(request)))):
        return Refusal("invalid_request", NO_URLS, param="messages")
    problem = schemas.refusal(
        _output_schema(request),
        "response_format",
        (tool.function.parameters for tool in request.tools or ()),
    )
    if problem is not None:
        return problem
    printed = printed_size(request.tools, request.response_format, request.chat_template_kwargs)
    if isinstance(printed, Refusal):
        return printed
    size = printed + sum(map(_message_size, request.messages))
    options = request.stream_options
    return Sanitised(
        parsed=request,
        stream=bool(request.stream),
        wants_usage=bool(options and options.include_usage),
        prompt_bytes=size,
        messages=len(request.messages),
        prompt_bound=prompt_bound(
            size, messages=sum(map(_wraps, request.messages)), tools=len(request.tools or ())
        ),
        max_output=least_cap(request.max_tokens, request.max_completion_tokens),
    )


def grant(sanitised: Sanitised, granted: int) -> None:
    """Cap the answer, and ask for the usage of a stream."""
    request: ChatRequest = sanitised.parsed
    request.max_completion_tokens = None  # Ollama generates without an end for it alone
    request.max_tokens = granted
    request.stream_options = StreamOptions(include_usage=True) if sanitised.stream else None


def _output_schema(request: ChatRequest) -> dict[str, Any] | None:
    form = request.response_format
    return form.json_schema.schema if form and form.json_schema else None


def _wraps(message: Message) -> int:
    """How many messages a template makes of it: Ollama makes one of each part and tool call."""
    parts = len(message.content) if isinstance(message.content, list) else 1
    return max(1, parts) + len(message.tool_calls or ())


def _parts(request: ChatRequest) -> Iterator[Part]:
    for message in request.messages:
        if isinstance(message.content, list):
            yield from message.content


def _picture(part: Part) -> str | None:
    return part.image_url.url if isinstance(part.image_url, ImageURL) else part.image_url


def _message_size(message: Message) -> int:
    """UTF-8 bytes of everything in it that a template may put into the prompt."""
    size = length(message.reasoning) + length(message.reasoning_content)
    size += length(message.name) + length(message.tool_call_id)
    size += max(0, length(message.role) - USUAL_ROLE)
    if isinstance(message.content, str):
        size += length(message.content)
    elif isinstance(message.content, list):
        for part in message.content:
            size += length(part.text)
            size += picture_size(_picture(part))
            size += max(length(part.input_audio.data), IMAGE_FLOOR) if part.input_audio else 0
    for call in message.tool_calls or ():
        size += length(call.id) + length(call.function.name)
        size += printed_length(call.function.arguments)
    return size
