"""An answer of chat: where usage, the end and generated text stand in it."""

import msgspec
from msgspec import Raw, Struct, field

from gateway.decoding import UNREADABLE
from gateway.dialects.base import Body, Event, Usage

DONE = b"data: [DONE]"


class _CalledText(Struct):
    name: str | None = None
    arguments: str | None = None


class _CallText(Struct):
    function: _CalledText = field(default_factory=_CalledText)


class _Text(Struct):
    """Where generated text stands: a chunk's `delta`, an answer's `message`."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_CallText] | None = None

    def size(self) -> int:
        """Bytes of it."""
        texts = [self.content, self.reasoning, self.reasoning_content]
        for call in self.tool_calls or ():
            texts += [call.function.name, call.function.arguments]
        return sum(len(text.encode()) for text in texts if text)


class _Choice(Struct):
    finish_reason: str | None = None
    delta: _Text = field(default_factory=_Text)
    message: _Text = field(default_factory=_Text)


class _Answer(Struct):
    choices: list[_Choice] = []


class _UsageOnly(Struct):
    choices: list[Raw] = []
    usage: Usage | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_usage = msgspec.json.Decoder(_UsageOnly).decode


def read_event(event: bytes) -> Event:
    """`[DONE]`, or a chunk with usage: one without choices was asked for by the gateway."""
    if event.startswith(DONE):
        return Event(ends=True)
    try:
        found = _decode_usage(event.removeprefix(b"data:"))
    except UNREADABLE:
        return Event()  # not ours to judge
    if found.usage is None:
        return Event()
    return Event(found.usage.reported(), extra=not found.choices)


def text_size(event: bytes) -> int:
    """Bytes of the texts in its deltas."""
    try:
        answer = _decode_answer(event.removeprefix(b"data:"))
    except UNREADABLE:
        return 0
    return sum(choice.delta.size() for choice in answer.choices)


def read_body(body: bytes) -> Body:
    """The repeat guard leaves an answer without a finish, and without usage."""
    usage = None
    try:
        usage = reported_in(body)
        if usage is not None:
            return Body(usage)
        choices = _decode_answer(body).choices
    except UNREADABLE as problem:
        return Body(broken=not isinstance(problem, msgspec.ValidationError))
    text = sum(choice.message.size() for choice in choices)
    return Body(text=text, complete=all(choice.finish_reason for choice in choices))


def reported_in(body: bytes) -> Usage | None:
    """The usage of a whole answer. Raises what `UNREADABLE` holds."""
    try:
        usage = _decode_usage(body).usage
    except msgspec.ValidationError:
        return None
    return usage.reported() if usage else None
