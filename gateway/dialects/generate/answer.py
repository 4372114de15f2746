"""An answer of chat as a text: text, finish and usage, and no more."""

from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.dialects import error_body
from gateway.dialects.openai.chat import answer as chat
from gateway.dialects.openai.chat.reference import TokenUsage
from gateway.dialects.openai.family import FAMILY
from gateway.dialects.protocol import AnswerContext, Body, Event, Translation
from gateway.dialects.shared import sse


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

    choices: list[_Choice] | None = None
    error: Any = None


class _Whole(Struct):
    choices: list[_Choice]


def read_event(event: bytes) -> Event:
    """As in chat. What cannot be translated breaks the stream: it could hold text."""
    data = sse.data(event).strip()
    if data and data != chat.DONE and _chunk(data) is None:
        return Event(ends=True, failed=True)
    return chat.read_event(event)


def read_body(body: bytes) -> Body:
    """As in chat, and it has to be one that can be translated."""
    found, answer = chat.read_body(body), _chunk(body)
    return found if answer and answer.choices else found._replace(broken=True)


def translator(context: AnswerContext, *, whole: bool) -> Translation:
    """Implements `Translator`."""
    return partial(_whole, context) if whole else _Stream(context)


class _Stream:
    """Translates the events of one answer."""

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._finish: str | None = None

    def __call__(self, events: bytes) -> bytes:
        return b"".join(map(self._translated, events.split(FAMILY.framing.separator)[:-1]))

    def _translated(self, event: bytes) -> bytes:
        data = sse.data(event).strip()
        if not data:
            return b""  # a comment
        if data == chat.DONE:
            return self._last()
        chunk = _chunk(data)
        if chunk is None:
            return self._failure()
        text = None
        for choice in (chunk.choices or ())[:1]:
            self._finish = choice.finish_reason or self._finish
            text = choice.delta.content if choice.delta else None
        return _written(GenerateEvent(text)) if text else b""

    def _failure(self) -> bytes:
        refusal = Refusal("upstream_failed", "The model server failed.")
        return FAMILY.error_event(error_body("/v1/generate", refusal, self._context.id))

    def _last(self) -> bytes:
        told = self._context
        return _written(GenerateEvent("", True, told.id, told.model, self._finish, _usage(told)))


def text_and_finish(body: bytes) -> tuple[str, str | None]:
    """The text of a whole chat that `read_body` took for one, and why it ended."""
    choice = msgspec.json.decode(body, type=_Whole).choices[0]
    text = choice.message.content if choice.message else None
    return text or "", choice.finish_reason


def _whole(context: AnswerContext, body: bytes) -> bytes:
    text, finish = text_and_finish(body)
    answer = GenerateAnswer(context.id, context.model, text, finish, _usage(context))
    return msgspec.json.encode(answer)


def _usage(context: AnswerContext) -> TokenUsage:
    prompt, completion = msgspec.structs.astuple(context.usage())
    return TokenUsage(prompt, completion, prompt + completion)


def _chunk(data: bytes) -> _Chat | None:
    """A chunk of a chat, or a whole one; None: something broke, or what came is none."""
    chunk = decode(data, _Chat)
    return chunk if chunk is not None and chunk.error is None else None


def _written(event: GenerateEvent) -> bytes:
    return sse.write(msgspec.json.encode(event))
