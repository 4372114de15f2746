"""What answers of Ollama's own API say: the same in each line of a stream and in a whole answer.

The counts stand where `done` is true, and are left out where they are zero. A runner that crashes
makes the last line an `error`. Ollama's repeat guard, which ends an answer of more than 30 equal
tokens, makes `done` stay false.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from gateway.core.decoding import UNREADABLE
from gateway.dialects.protocol import Body, Event, Told, Usage, usage_of
from gateway.dialects.reference import Metering
from gateway.dialects.shared.reading import unreadable

# Ollama writes no space there, but what stands in its place may.
REPORT_MARKERS = (b'"done":true', b'"done": true', b'"error"')
TEXT_START = re.compile(rb'"(?:content|thinking|response)"\s*:\s*"|"arguments"\s*:\s*\{')

METERING = Metering(
    prompt=("prompt_eval_count",),
    completion="eval_count",
    event="the line whose `done` is true",
    caps=("options.num_predict",),
    sent_as="options.num_predict",
    note="What only loads the model, drops it, or shows its prompt takes no tokens.",
)


class _Called(Struct):
    name: str = ""
    arguments: Raw = Raw(b"")


class _Call(Struct):
    function: _Called = field(default_factory=_Called)


class _Message(Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Line(Struct):
    """Where generated text stands: chat's `message`, generate's own fields."""

    done: bool = False
    done_reason: Any = None
    error: Any = None
    debug_info: Raw = field(name="_debug_info", default=Raw(b""))
    message: _Message = field(default_factory=_Message)
    response: str | None = None
    thinking: str | None = None

    def size(self) -> int:
        """Bytes of it."""
        said = self.message
        texts = [self.response, self.thinking, said.content, said.thinking]
        texts += [call.function.name for call in said.tool_calls or ()]
        size = sum(len(text.encode()) for text in texts if text)
        return size + sum(len(bytes(call.function.arguments)) for call in said.tool_calls or ())


class _End(Struct):
    done: bool = False
    error: Any = None


class _Counts(Struct):
    prompt_eval_count: Told = 0
    eval_count: Told = 0


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_end = msgspec.json.Decoder(_End).decode
_decode_counts = msgspec.json.Decoder(_Counts).decode


def read_event(event: bytes) -> Event:
    """The last line, with the counts or an error; no other says anything of use."""
    try:
        end = _decode_end(event)
    except UNREADABLE:
        return Event()  # not ours to judge
    if end.error:
        return Event(ends=True, failed=True)
    return Event(reported(event), ends=True) if end.done else Event()


def text_size(event: bytes) -> int:
    """Bytes of the text in one line."""
    try:
        return _decode_line(event).size()
    except UNREADABLE:
        return 0


def read_body(body: bytes) -> Body:
    """An answer that is not `done` was cut by the repeat guard, and its counts are none. Where only
    a model was loaded or dropped, or its prompt shown, no token was read."""
    try:
        answer = _decode_line(body)
    except UNREADABLE as problem:
        return unreadable(problem, body)
    size = answer.size()
    only = answer.done_reason in {"load", "unload"} or bytes(answer.debug_info) not in {
        b"",
        b"null",
    }
    if only and not size:
        return Body(Usage(), broken=bool(answer.error))
    usage = reported(body) if answer.done else None
    return Body(usage, size, complete=answer.done, broken=bool(answer.error))


def reported(text: bytes) -> Usage | None:
    """The counts, if they can be some."""
    try:
        counts = _decode_counts(text)
    except UNREADABLE:
        return None
    return usage_of(counts.prompt_eval_count, counts.eval_count)
