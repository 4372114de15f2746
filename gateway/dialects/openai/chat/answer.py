"""An answer of chat: where usage, the end and generated text stand in it."""

from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from gateway.core.decoding import UNREADABLE, decode
from gateway.dialects.protocol import Body, Event, Told, Usage, usage_of
from gateway.dialects.shared import sse
from gateway.dialects.shared.reading import plain_size, raw_size, unreadable

DONE = b"[DONE]"
FINISH_MARKERS = (b'"finish_reason":"', b'"finish_reason": "')
REPORT_MARKERS = (b'"usage"', b'"error"', DONE)
CLOSING = sse.write(DONE)


class _Called(Struct):
    name: Raw = Raw()
    arguments: Raw = Raw()


class _Call(Struct):
    function: _Called = field(default_factory=_Called)


class _Text(Struct):
    """Where generated text stands: a chunk's `delta`, an answer's `message`."""

    content: Raw = Raw()
    reasoning: Raw = Raw()
    reasoning_content: Raw = Raw()
    tool_calls: list[_Call] | None = None

    def values(self) -> list[Raw]:
        values = [self.content, self.reasoning, self.reasoning_content]
        for call in self.tool_calls or ():
            values += [call.function.name, call.function.arguments]
        return values


class _Choice(Struct):
    finish_reason: str | None = None
    delta: _Text = field(default_factory=_Text)
    message: _Text = field(default_factory=_Text)


class _Answer(Struct):
    choices: list[_Choice] | None = None


class _Counts(Struct):
    prompt_tokens: Told = 0
    completion_tokens: Told = 0

    def usage(self) -> Usage | None:
        return usage_of(self.prompt_tokens, self.completion_tokens)


class _UsageOnly(Struct):
    choices: list[Raw] | None = None
    usage: _Counts | None = None


class _Broken(Struct):
    error: Any = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_usage = msgspec.json.Decoder(_UsageOnly).decode


def read_event(event: bytes) -> Event:
    """`[DONE]`, an error, after which others than Ollama may say `[DONE]` all the same, or a chunk
    with usage, which the gateway asked for: who did not ask does not see it."""
    found = read_report(event)
    if found.usage is None or found.extra:
        return found
    return found._replace(plain=_without_usage(sse.data(event)))


def read_report(event: bytes) -> Event:
    """The same, without `plain`."""
    data = sse.data(event)
    if data.strip() == DONE:
        return Event(ends=True)
    broken = decode(data, _Broken)
    if broken is not None and broken.error:
        return Event(ends=True, failed=True)
    try:
        found = _decode_usage(data)
    except UNREADABLE:
        return Event()  # not ours to judge
    finished = any(marker in event for marker in FINISH_MARKERS)
    if found.usage is None:
        return Event(finished=finished)
    return Event(found.usage.usage(), extra=not found.choices, finished=finished)


def _without_usage(data: bytes) -> bytes | None:
    chunk = decode(data.replace(b"\n", b" "), dict[str, Raw])  # its data are one line again
    if chunk is None:
        return None
    chunk.pop("usage", None)
    return sse.write(msgspec.json.encode(chunk)).removesuffix(b"\n\n")


def text_size(event: bytes) -> int:
    """Bytes of the texts in its deltas."""
    try:
        answer = _decode_answer(sse.data(event))
    except UNREADABLE:
        return 0
    return sum(
        raw_size(value) for choice in answer.choices or () for value in choice.delta.values()
    )


def read_body(body: bytes) -> Body:
    """The repeat guard leaves an answer without a finish, and without usage."""
    try:
        usage = reported_in(body)
        if usage is not None and usage.completion_tokens:
            return Body(usage)
        choices = _decode_answer(body).choices or []
        text = sum(plain_size(value) for choice in choices for value in choice.message.values())
    except UNREADABLE as problem:
        return unreadable(problem, body)
    complete = all(choice.finish_reason for choice in choices)
    return Body(usage, text, complete, broken=not choices)


def reported_in(body: bytes) -> Usage | None:
    """The usage of a whole answer. Raises what `UNREADABLE` holds."""
    try:
        usage = _decode_usage(body).usage
    except msgspec.ValidationError:
        return None
    return usage.usage() if usage else None
