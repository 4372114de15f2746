"""This project's own route: one prompt in, one text out.

The model server is asked for a chat, which each of them knows, and its answer is translated. What
a model thinks before it answers is counted, but not shown.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.core import model_names
from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.dialects import error_body
from gateway.dialects.openai.chat import answer as chat
from gateway.dialects.openai.chat.reference import METERING, TokenUsage
from gateway.dialects.openai.chat.request import ChatRequest, Message, serialise
from gateway.dialects.openai.family import FAMILY
from gateway.dialects.protocol import (
    EXAMPLE_MODEL,
    SSE,
    AnswerContext,
    Body,
    Event,
    Reference,
    Sanitised,
)
from gateway.dialects.shared import sse, strict_json
from gateway.dialects.shared.prompt import MESSAGE_OVERHEAD, length

PATH = "/v1/generate"


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
        Meta(description="Most tokens of the answer; cut to what the key has left this month."),
    ] = None
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        Meta(description="0: the likeliest words; more: more varied."),
    ] = None
    stream: Annotated[
        bool | None, Meta(description="true: server-sent events as the answer grows.")
    ] = None


class GenerateAnswer(Struct):
    """`finish_reason` is `stop`, `length` where the most tokens were reached, or null where the
    model broke off."""

    id: str
    model: str
    response: str
    finish_reason: str | None
    usage: TokenUsage


class GenerateEvent(Struct, omit_defaults=True):
    """The next piece of the text; the last event has no text, but all else, and `done`."""

    response: str
    done: bool = False
    id: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    finish_reason: str | UnsetType | None = UNSET
    usage: TokenUsage | UnsetType = UNSET


class _Text(Struct):
    content: str | None = None


class _Choice(Struct):
    delta: _Text | None = None
    message: _Text | None = None
    finish_reason: str | None = None


class _Chat(Struct):
    """A whole answer of chat, or a chunk of one."""

    choices: list[_Choice] = []
    error: Any = None


class _Stream:
    """Words the events of one answer."""

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._finish: str | None = None

    def __call__(self, events: bytes) -> bytes:
        return b"".join(map(self._translated, events.split(SSE.separator)[:-1]))

    def _translated(self, event: bytes) -> bytes:
        data = sse.data(event).strip()
        if not data:
            return b""  # a sign of life
        if data == chat.DONE:
            return self._last()
        chunk = _chunk(data)
        if chunk is None:
            refusal = Refusal("upstream_failed", "The model server failed.")
            return sse.write(error_body(PATH, refusal, self._context.id))
        text = None
        for choice in chunk.choices[:1]:
            self._finish = choice.finish_reason or self._finish
            text = choice.delta.content if choice.delta else None
        return sse.write(msgspec.json.encode(GenerateEvent(text))) if text else b""

    def _last(self) -> bytes:
        told = self._context
        last = GenerateEvent("", True, told.id, told.model, self._finish, _usage(told))
        return sse.write(msgspec.json.encode(last))


def _whole(context: AnswerContext, body: bytes) -> bytes:
    choice = msgspec.json.decode(body, type=_Chat).choices[0]
    text = choice.message.content if choice.message else None
    answer = GenerateAnswer(
        context.id, context.model, text or "", choice.finish_reason, _usage(context)
    )
    return msgspec.json.encode(answer)


def _usage(context: AnswerContext) -> TokenUsage:
    prompt, completion = msgspec.structs.astuple(context.usage())
    return TokenUsage(prompt, completion, prompt + completion)


def _chunk(data: bytes) -> _Chat | None:
    """A chunk of a chat, or a whole one; None: something broke, or what came is none."""
    chunk = decode(data, _Chat)
    return chunk if chunk is not None and chunk.error is None else None


_USAGE = {"prompt_tokens": 13, "completion_tokens": 3, "total_tokens": 16}
_NAMED = {"id": "0b9f6d0e-4c53-4a43-9d0a-6a4f5d2b1c77", "model": EXAMPLE_MODEL}
_LAST = {"response": "", "done": True, **_NAMED, "finish_reason": "stop", "usage": _USAGE}
_EVENTS = [{"response": "Hello"}, {"response": "!"}, _LAST]


class Generate:
    """`POST /v1/generate`. Implements `Dialect` and words its answers."""

    path = PATH
    upstream = "/v1/chat/completions"
    scope = "chat"
    framing = SSE
    native = False
    report_markers = (b"data:",)
    text_marker = SSE.separator
    text_start = re.compile(rb'"(?:content|reasoning(?:_content)?)"\s*:\s*["\[{]')
    reference = Reference(
        "generate",
        "Text",
        "Let a model answer one prompt",
        "The shortest way to an answer. With `stream` it comes as server-sent events: a piece of "
        "the text in the `response` of each, and a last one with `done`, `finish_reason` and "
        "`usage`. Without that one the answer is not whole: an error after the first event comes "
        'as `data: {"error": …}`. Lines that begin with a colon are signs of life. What a model '
        "thinks before it answers is not shown, but counted. `usage` is what the key is charged, "
        "`id` the answer's `x-request-id`.",
        GenerateRequest,
        {"prompt": "Say hello.", "max_tokens": 20},
        GenerateAnswer,
        {**_NAMED, "response": "Hello!", "finish_reason": "stop", "usage": _USAGE},
        METERING._replace(caps=("max_tokens",), note=""),
        GenerateEvent,
        "".join(sse.write(msgspec.json.encode(one)).decode() for one in _EVENTS),
    )

    serialise = staticmethod(serialise)
    error_event = staticmethod(FAMILY.error_event)
    text_size = staticmethod(chat.text_size)

    def sanitise(self, body: bytes | bytearray) -> Sanitised | Refusal:
        """Check a request and say what it may cost."""
        asked = strict_json.parse(body, GenerateRequest)
        if isinstance(asked, Refusal):
            return asked
        model = "" if asked.model is None else strict_json.model_name(asked.model)
        if isinstance(model, Refusal):
            return model
        messages = [Message("user", asked.prompt)]
        if asked.system:
            messages.insert(0, Message("system", asked.system))
        size = length(asked.prompt) + length(asked.system)
        return Sanitised(
            model=model,
            cloud=model_names.is_cloud(asked.model or ""),
            stream=bool(asked.stream),
            wants_usage=False,
            prompt_bytes=size,
            messages=len(messages),
            prompt_bound=size + MESSAGE_OVERHEAD * len(messages),
            max_output=asked.max_tokens,
            request=ChatRequest(
                asked.model or "",
                messages,
                stream=asked.stream or None,
                temperature=asked.temperature,
            ),
        )

    def read_event(self, event: bytes) -> Event:
        """As in chat. What cannot be translated breaks the stream: it could hold text."""
        data = sse.data(event).strip()
        if data and data != chat.DONE and _chunk(data) is None:
            return Event(ends=True, failed=True)
        return chat.read_event(event)

    def read_body(self, body: bytes) -> Body:
        """As in chat, and it has to be one that can be translated."""
        found, answer = chat.read_body(body), _chunk(body)
        return found if answer and answer.choices else found._replace(broken=True)

    def translator(self, context: AnswerContext, *, whole: bool) -> Callable[[bytes], bytes]:
        """Text, finish and usage, and no more. Implements `Translation`."""
        return partial(_whole, context) if whole else _Stream(context)


DIALECTS = (Generate(),)
