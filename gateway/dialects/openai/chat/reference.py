"""What the reference says of chat. Tests hold the examples to the shapes."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gateway.dialects.openai.chat.kinds import PLACES
from gateway.dialects.openai.chat.request import ChatRequest, ToolCall
from gateway.dialects.reference import EXAMPLE_MODEL, Metering, Reference


class TokenUsage(Struct):
    """Tokens as the model server reports them; they are what the key is charged."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerMessage(Struct):
    role: str
    content: str | UnsetType | None = UNSET
    reasoning: str | UnsetType | None = UNSET
    tool_calls: list[ToolCall] | UnsetType | None = UNSET


class Choice(Struct):
    index: int
    message: AnswerMessage
    finish_reason: str | UnsetType | None = UNSET


class ChatCompletion(Struct):
    """The whole answer. A model server may add fields of its own."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage | UnsetType = UNSET


class Delta(Struct):
    role: str | UnsetType | None = UNSET
    content: str | UnsetType | None = UNSET
    reasoning: str | UnsetType | None = UNSET
    tool_calls: list[ToolCall] | UnsetType | None = UNSET


class ChunkChoice(Struct):
    index: int
    delta: Delta
    finish_reason: str | UnsetType | None = UNSET


class ChatCompletionChunk(Struct):
    """One event of a streamed answer; `choices` is empty in the one that carries `usage`."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: TokenUsage | UnsetType | None = UNSET


_REQUEST: dict[str, Any] = {
    "model": EXAMPLE_MODEL,
    "messages": [{"role": "user", "content": "Say hello."}],
    "stream": True,
}

_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-788",
    "object": "chat.completion",
    "created": 1795431360,
    "model": EXAMPLE_MODEL,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 32, "completion_tokens": 3, "total_tokens": 35},
}


def _chunk(delta: str, finish: str) -> str:
    return (
        'data: {"id":"chatcmpl-373","object":"chat.completion.chunk","created":1795431362,'
        f'"model":"{EXAMPLE_MODEL}","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}'
        "\n\n"
    )


_STREAM = (
    _chunk('{"role":"assistant","content":"Hello"}', "null")
    + _chunk('{"content":"!"}', '"stop"')
    + "data: [DONE]\n\n"
)

METERING = Metering(
    prompt=("usage.prompt_tokens",),
    completion="usage.completion_tokens",
    event="the last chunk, whose `choices` are empty",
    caps=("max_tokens", "max_completion_tokens"),
    sent_as="max_tokens",
    note="The gateway asks for the report of every stream. Only who asks for it too, with "
    "`stream_options.include_usage`, gets to see it.",
)

REFERENCE = Reference(
    "createChatCompletion",
    "Chat",
    "Let a model answer a conversation",
    "As OpenAI's API: whole, or with `stream` as server-sent events that end with "
    "`data: [DONE]`. Lines that begin with a colon are signs of life. An error after the "
    'first event comes as `data: {"error": …}`. A preset may be asked for with '
    '`prompt: {"id": "@preset/NAME", "variables": {…}}` in place of `model` and `messages`.',
    ChatRequest,
    _REQUEST,
    ChatCompletion,
    _ANSWER,
    METERING,
    ChatCompletionChunk,
    _STREAM,
    PLACES,
)
