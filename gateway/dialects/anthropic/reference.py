"""What the reference says of messages. The answers are recorded ones."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gateway.dialects.anthropic.kinds import PLACES
from gateway.dialects.anthropic.shapes import MessagesRequest
from gateway.dialects.reference import Metering, Reference


class MessageUsage(Struct):
    """Tokens as the model server reports them; they are what the key is charged."""

    input_tokens: int | UnsetType = UNSET
    output_tokens: int | UnsetType = UNSET


class AnswerBlock(Struct):
    """`type` says which of the fields are there."""

    type: str
    text: str | UnsetType = UNSET
    thinking: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    input: dict[str, Any] | UnsetType = UNSET


class AnthropicMessage(Struct):
    """The whole answer. A model server may add fields of its own."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[AnswerBlock] | None
    stop_reason: str | UnsetType | None = UNSET
    stop_sequence: str | UnsetType | None = UNSET
    usage: MessageUsage | UnsetType = UNSET


class BlockDelta(Struct):
    type: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    thinking: str | UnsetType = UNSET
    partial_json: str | UnsetType = UNSET
    stop_reason: str | UnsetType | None = UNSET
    stop_sequence: str | UnsetType | None = UNSET


class MessageStreamEvent(Struct):
    """One event of a streamed answer; `usage` counts in `message_delta` alone."""

    type: str
    message: AnthropicMessage | UnsetType = UNSET
    index: int | UnsetType = UNSET
    content_block: AnswerBlock | UnsetType = UNSET
    delta: BlockDelta | UnsetType = UNSET
    usage: MessageUsage | UnsetType = UNSET


_MODEL = "gemma3:270m"

_REQUEST: dict[str, Any] = {
    "model": _MODEL,
    "max_tokens": 60,
    "temperature": 0,
    "messages": [{"role": "user", "content": "Name three colours."}],
    "stop_sequences": ["\n"],
    "stream": True,
}

_ANSWER: dict[str, Any] = {
    "id": "msg_65cf4fd511aaf6b387cdc6da",
    "type": "message",
    "role": "assistant",
    "model": _MODEL,
    "content": [{"type": "text", "text": "Name three colours."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 13, "output_tokens": 5},
}


def _event(name: str, rest: str = "") -> str:
    return f'event: {name}\ndata: {{"type":"{name}"{rest}}}\n\n'


def _word(text: str) -> str:
    delta = f'{{"type":"text_delta","text":"{text}"}}'
    return _event("content_block_delta", f',"index":0,"delta":{delta}')


_STREAM = "".join(
    [
        _event(
            "message_start",
            ',"message":{"id":"msg_4b6679193b41b35061728498","type":"message","role":"assistant",'
            f'"model":"{_MODEL}","content":[],"usage":{{"input_tokens":5,"output_tokens":0}}}}',
        ),
        _event("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}'),
        *map(_word, ["Name", " three", " colours", ".", r"\n", "(", "a", ")"]),
        *map(_word, [r"\n", "(", "b", ")", r"\n", "(", "c", ")"]),
        _event("content_block_stop", ',"index":0'),
        _event(
            "message_delta",
            ',"delta":{"stop_reason":"max_tokens"},"usage":{"input_tokens":13,"output_tokens":16}',
        ),
        _event("message_stop"),
    ]
)

REFERENCE = Reference(
    "createMessage",
    "Messages",
    "Let a model answer a conversation, as Anthropic's API",
    "Whole, or with `stream` as server-sent events that end with `message_stop`. Lines that begin "
    "with a colon are signs of life. An error after the first event comes as `event: error`. The "
    "header `anthropic-version` may be left out. Pictures come as `base64`: nothing is fetched or "
    "run for a request, and tools of other types than `custom` are left out.",
    MessagesRequest,
    _REQUEST,
    AnthropicMessage,
    _ANSWER,
    Metering(
        prompt=(
            "usage.input_tokens",
            "usage.cache_read_input_tokens",
            "usage.cache_creation_input_tokens",
        ),
        completion="usage.output_tokens",
        event="`message_delta`",
        caps=("max_tokens",),
        sent_as="max_tokens",
        note="The cap has to be given. What `message_start` says of the prompt, which Ollama "
        "guesses there, counts only where `message_delta` leaves the prompt out.",
    ),
    MessageStreamEvent,
    _STREAM,
    PLACES,
)
