"""A request to Ollama's chat: the fields that are passed on, and what they may cost."""

from typing import Any

from msgspec import Struct

from gateway.core.errors import Refusal
from gateway.dialects.ollama.request import PromptedRequest, cap, measured, pictures, too_large
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.fields import Int
from gateway.dialects.shared.prompt import USUAL_ROLE, length, printed_size


class OllamaCalledFunction(Struct, omit_defaults=True):
    name: str
    arguments: dict[str, Any] | None = None
    index: Int | None = None


class OllamaToolCall(Struct, omit_defaults=True):
    function: OllamaCalledFunction
    id: str | None = None


class OllamaMessage(Struct, omit_defaults=True):
    """`images` are base64."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[OllamaToolCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class OllamaFunction(Struct, omit_defaults=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class OllamaTool(Struct, omit_defaults=True):
    function: OllamaFunction
    type: str | None = None


class OllamaChatRequest(PromptedRequest, kw_only=True):
    """Fields of Ollama's ChatRequest. Without messages the model is only loaded, or dropped."""

    messages: list[OllamaMessage] | None = None
    tools: list[OllamaTool] | None = None


def measure(request: OllamaChatRequest) -> Sanitised | Refusal:
    """What it may cost."""
    messages = request.messages or []
    calls = [call for message in messages for call in message.tool_calls or ()]
    arguments = (call.function.arguments for call in calls)
    tools = (tool.function.parameters for tool in request.tools or ())
    problem = too_large(request, tools)
    if problem is not None:
        return problem
    printed = printed_size(request.tools, request.format, *arguments)
    if isinstance(printed, Refusal):
        return printed
    sanitised = measured(
        request,
        size=printed + sum(map(_message_size, messages)),
        wraps=len(messages) + len(calls),
        tools=len(request.tools or ()),
        stream=request.stream is not False,
        max_output=cap(request.options),
        empty=None if messages else "messages",
    )
    sanitised.messages = len(messages)
    return sanitised


def _message_size(message: OllamaMessage) -> int:
    """UTF-8 bytes of everything in it that a template may put into the prompt."""
    texts = [message.content, message.thinking, message.tool_name, message.tool_call_id]
    for call in message.tool_calls or ():
        texts += [call.id, call.function.name]
    more_role = max(0, length(message.role) - USUAL_ROLE)
    return sum(map(length, texts)) + more_role + pictures(message.images)
