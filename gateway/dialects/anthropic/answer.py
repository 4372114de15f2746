"""An answer of messages: where counts, the end and generated text stand in it."""

import msgspec
from msgspec import Raw, Struct, field

from gateway.core.decoding import UNREADABLE
from gateway.dialects.protocol import Body, Event, Told, Usage, usage_of
from gateway.dialects.shared import sse
from gateway.dialects.shared.reading import raw_size, unreadable

REPORT_MARKERS = (b'"message_start"', b'"message_delta"', b'"message_stop"', b'"error"')
CLOSING = sse.write(b'{"type":"message_stop"}', b"message_stop")


class _Counts(Struct):
    """What was read of the prompt, and what a cache spared the model server."""

    input_tokens: Told = None
    cache_read_input_tokens: Told = None
    cache_creation_input_tokens: Told = None
    output_tokens: Told = None

    @property
    def prompt(self) -> float:
        cached = (self.cache_read_input_tokens or 0) + (self.cache_creation_input_tokens or 0)
        return (self.input_tokens or 0) + cached

    def usage(self) -> Usage | None:
        return usage_of(self.prompt, self.output_tokens)


class _Start(Struct):
    usage: _Counts = field(default_factory=_Counts)


class _Stop(Struct):
    stop_reason: str | None = None


class _Event(Struct):
    type: str = ""
    delta: _Stop = field(default_factory=_Stop)
    message: _Start = field(default_factory=_Start)
    usage: _Counts = field(default_factory=_Counts)


class _DeltaText(Struct):
    text: Raw = Raw()
    thinking: Raw = Raw()
    partial_json: Raw = Raw()


class _Delta(Struct):
    delta: _DeltaText = field(default_factory=_DeltaText)


class _Block(Struct):
    text: str | None = None
    thinking: str | None = None
    name: str | None = None
    input: Raw = Raw()

    def size(self) -> int:
        texts = (self.text, self.thinking, self.name)
        return sum(len(text.encode()) for text in texts if text) + len(bytes(self.input))


class _Message(Struct):
    type: str = ""
    content: list[_Block] = []
    stop_reason: str | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_delta = msgspec.json.Decoder(_Delta).decode
_decode_message = msgspec.json.Decoder(_Message).decode
_decode_counts = msgspec.json.Decoder(_Start).decode


def read_event(event: bytes) -> Event:
    """`message_delta` reports the counts. Those of `message_start` are a guess where Ollama makes
    them; others count there in earnest, and leave the prompt out of the report."""
    try:
        found = _decode_event(sse.data(event))
    except UNREADABLE:
        return Event()  # not ours to judge
    if found.type == "message_start":
        told = usage_of(found.message.usage.prompt, 0)
        return Event(prompt=told.prompt_tokens if told else 0)
    if found.type == "message_delta":
        return Event(found.usage.usage(), finished=bool(found.delta.stop_reason))
    if found.type == "error":
        return Event(ends=True, failed=True)
    return Event(ends=found.type == "message_stop")


def text_size(event: bytes) -> int:
    """Bytes of the text in a `content_block_delta`."""
    try:
        delta = _decode_delta(sse.data(event)).delta
    except UNREADABLE:
        return 0
    texts = (delta.text, delta.thinking, delta.partial_json)
    return sum(map(raw_size, texts))


def read_body(body: bytes) -> Body:
    """The repeat guard leaves an answer without a reason to stop, and counts nought."""
    try:
        usage = _reported_in(body)
        if usage is not None and usage.completion_tokens:
            return Body(usage)
        message = _decode_message(body)
    except UNREADABLE as problem:
        return unreadable(problem, body)
    text = sum(block.size() for block in message.content)
    return Body(usage, text, bool(message.stop_reason), broken=message.type != "message")


def _reported_in(body: bytes) -> Usage | None:
    try:
        return _decode_counts(body).usage.usage()
    except msgspec.ValidationError:
        return None
