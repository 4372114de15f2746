"""What the reference says of responses. Tests hold the examples to the shapes."""

import json
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gateway.dialects.openai.responses.items import Summary
from gateway.dialects.openai.responses.kinds import PLACES
from gateway.dialects.openai.responses.request import ResponseRequest
from gateway.dialects.reference import EXAMPLE_MODEL, Metering, Reference


class OutputText(Struct):
    type: str
    text: str | UnsetType = UNSET


class OutputItem(Struct):
    """A message, a call of a function or of a freeform tool, or what the model thought."""

    id: str
    type: str
    content: list[OutputText] | UnsetType | None = UNSET
    call_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    namespace: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET
    summary: list[Summary] | UnsetType = UNSET


class ResponseUsage(Struct):
    """Tokens as the model server reports them; they are what the key is charged."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class Response(Struct):
    """The whole answer. A model server may add fields of its own."""

    id: str
    object: Literal["response"]
    status: str
    output: list[OutputItem]
    usage: ResponseUsage | UnsetType | None = UNSET


class ResponseEvent(Struct):
    """One event of a streamed answer: `delta` adds to the text, `response` is the whole of it."""

    type: str
    sequence_number: int | UnsetType = UNSET
    delta: str | UnsetType = UNSET
    response: Response | UnsetType = UNSET


_REQUEST: dict[str, Any] = {
    "model": EXAMPLE_MODEL,
    "instructions": "Be brief.",
    "input": "Say hello.",
}

_ANSWER: dict[str, Any] = {
    "id": "resp_936575",
    "object": "response",
    "created_at": 1795431621,
    "status": "completed",
    "model": EXAMPLE_MODEL,
    "output": [
        {
            "id": "msg_31167",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hello!", "annotations": [], "logprobs": []}
            ],
        }
    ],
    "usage": {
        "input_tokens": 26,
        "output_tokens": 3,
        "total_tokens": 29,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}
_PLACE: dict[str, Any] = {"content_index": 0, "item_id": "msg_31167", "output_index": 0}
_BEGUN: dict[str, Any] = {**_ANSWER, "status": "in_progress", "output": [], "usage": None}
_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "response.created", "response": _BEGUN},
    {"type": "response.output_text.delta", "delta": "Hello", **_PLACE, "logprobs": []},
    {"type": "response.output_text.delta", "delta": "!", **_PLACE, "logprobs": []},
    {"type": "response.completed", "response": _ANSWER},
)
_STREAM = "".join(
    f"event: {event['type']}\n"
    f"data: {json.dumps({**event, 'sequence_number': number}, separators=(',', ':'))}\n\n"
    for number, event in enumerate(_EVENTS)
)

REFERENCE = Reference(
    "createResponse",
    "Responses",
    "Let a model answer, in OpenAI's newer form",
    "As OpenAI's API: whole, or with `stream` as server-sent events that end with "
    "`response.completed`. Nothing is kept: a response cannot be fetched or gone on with, so "
    "`previous_response_id`, `conversation` and a `prompt` that is no preset are refused. Tools "
    "that a server runs itself, such as `web_search`, are left out. An error after the first event "
    "comes as "
    "`event: error`.",
    ResponseRequest,
    _REQUEST,
    Response,
    _ANSWER,
    Metering(
        prompt=("usage.input_tokens",),
        completion="usage.output_tokens",
        event="`response.completed` or `response.incomplete`",
        inside="response",
        caps=("max_output_tokens",),
        sent_as="max_output_tokens",
    ),
    ResponseEvent,
    _STREAM,
    PLACES,
)
