"""What the reference says of text completions. Tests hold the examples to the shapes."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gateway.dialects.openai.chat.reference import METERING, TokenUsage
from gateway.dialects.openai.completions.request import CompletionRequest
from gateway.dialects.reference import EXAMPLE_MODEL, Reference


class TextChoice(Struct):
    text: str
    index: int
    finish_reason: str | UnsetType | None = UNSET


class TextCompletion(Struct):
    """The whole answer. A model server may add fields of its own."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    usage: TokenUsage | UnsetType = UNSET


class TextCompletionChunk(Struct):
    """One event of a streamed answer; `choices` is empty in the one that carries the `usage`."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    usage: TokenUsage | UnsetType | None = UNSET


_REQUEST: dict[str, Any] = {
    "model": EXAMPLE_MODEL,
    "prompt": "The capital of France is",
    "max_tokens": 8,
}

_ANSWER: dict[str, Any] = {
    "id": "cmpl-976",
    "object": "text_completion",
    "created": 1795431533,
    "model": EXAMPLE_MODEL,
    "system_fingerprint": "fp_ollama",
    "choices": [{"text": "Paris.", "index": 0, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 34, "completion_tokens": 3, "total_tokens": 37},
}


def _chunk(text: str, finish: str) -> str:
    return (
        'data: {"id":"cmpl-319","object":"text_completion","created":1795431533,"choices":'
        f'[{{"text":"{text}","index":0,"finish_reason":{finish}}}],"model":"{EXAMPLE_MODEL}",'
        '"system_fingerprint":"fp_ollama"}\n\n'
    )


_STREAM = _chunk("Paris", "null") + _chunk(".", "null") + _chunk("", '"stop"') + "data: [DONE]\n\n"

REFERENCE = Reference(
    "createCompletion",
    "Text",
    "Let a model go on with a text",
    "As OpenAI's API: whole, or with `stream` as server-sent events that end with "
    "`data: [DONE]`. One prompt has one answer: `n`, `best_of` and `echo` are passed over. "
    'An error after the first event comes as `data: {"error": …}`.',
    CompletionRequest,
    _REQUEST,
    TextCompletion,
    _ANSWER,
    METERING._replace(caps=("max_tokens",)),
    TextCompletionChunk,
    _STREAM,
)
