"""The meter, sans-I/O: bytes of the model's answer in, bytes for the client and usage out.

It looks at each chunk for the few bytes that announce usage or the end, and decodes only the event
that holds them. When no usage is reported it estimates from what it saw: a token is at least one
event, and about four bytes of text (facts/ollama.md, trap 7: chunks are not tokens).
"""

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec

from gateway.decoding import UNREADABLE

BYTES_PER_TOKEN = 4
MAX_EVENT = 16 * 1024**2  # bytes; a longer one is no event stream
PROMPT_OVERHEAD = 8  # tokens a chat template usually adds to a message

_END = b"\n\n"
_TEXT = re.compile(rb'"(?:content|reasoning(?:_content)?|arguments)"\s*:\s*"')


Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]  # anything else is no count


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the model server reports them."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0

    def reported(self) -> "Usage | None":
        """Itself, unless it is 0/0: that stands beside a text when the repeat guard struck."""
        return self if self.prompt_tokens or self.completion_tokens else None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    function: _Function = msgspec.field(default_factory=_Function)


class _Text(msgspec.Struct):
    """Where generated text stands: a chunk's `delta`, an answer's `message`."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None

    def size(self) -> int:
        """Bytes of it."""
        texts = [self.content, self.reasoning, self.reasoning_content]
        for call in self.tool_calls or ():
            texts += [call.function.name, call.function.arguments]
        return sum(len(text.encode()) for text in texts if text)


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    delta: _Text = msgspec.field(default_factory=_Text)
    message: _Text = msgspec.field(default_factory=_Text)


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []


class _UsageOnly(msgspec.Struct):
    choices: list[msgspec.Raw] = []
    usage: Usage | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_usage = msgspec.json.Decoder(_UsageOnly).decode


class BrokenStream(Exception):
    """What came is not an event stream."""


class StreamMeter:
    """Meters one server-sent event stream of chat completion chunks.

    `feed` gives whole events only, so that a heartbeat can go between any two of its results.
    """

    def __init__(self, *, show_usage: bool) -> None:
        self.usage: Usage | None = None
        self.complete = False  # the terminal event was seen
        self._show_usage = show_usage
        self._tail = b""
        self._first = b""
        self._last = b""
        self._events = 0
        self._bytes = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take what arrived; return the whole events that the client may see, perhaps none."""
        if self._tail:
            chunk = self._tail + chunk
            self._tail = b""
        if not chunk.endswith(_END):
            cut = chunk.rfind(_END)
            cut = cut + len(_END) if cut >= 0 else 0
            chunk, self._tail = chunk[:cut], chunk[cut:]
            if len(self._tail) > MAX_EVENT:
                raise BrokenStream
            if not chunk:
                return b""
        if not self._first:
            self._first = chunk
        mark = _first_mark(chunk)
        if mark < 0:
            self._count(chunk)
            return chunk
        cut = chunk.rfind(_END, 0, mark)
        start = cut + len(_END) if cut >= 0 else 0
        if start:
            self._count(chunk[:start])
        return chunk[:start] + b"".join(self._inspect(chunk[start:]))

    def _count(self, events: bytes) -> None:
        self._last = events
        self._events += events.count(_END)
        self._bytes += len(events)

    def _inspect(self, chunk: bytes) -> Iterator[bytes]:
        for event in chunk.split(_END)[:-1]:
            if event.startswith(b"data: [DONE]"):
                self.complete = True  # what comes behind it is nobody's answer
                self._count(event + _END)
                yield event + _END
                return
            elif b'"usage"' in event:
                found = _usage_of(event)
                if found.usage is not None:
                    self.usage = found.usage.reported() or self.usage
                    if not found.choices and not self._show_usage:
                        continue
            self._count(event + _END)
            yield event + _END

    def estimate(self) -> int:
        """Tokens produced so far, as far as they can be told without a report."""
        if not self._events:
            return 0
        first = self._first[: self._first.index(_END)]
        last = self._last[: -len(_END)].rpartition(_END)[2]
        # The larger of two: the first can lack logprobs, the last can be an empty one.
        envelope = max(len(one) + len(_END) - _text_size(one) for one in (first, last))
        events = self._events
        if events > 1 and not _text_size(last):
            events -= 1  # the empty chunk that announces a crash, or the finish
        text = self._bytes - self._events * envelope
        return max(events if self._bytes else 0, -(-text // BYTES_PER_TOKEN))


class PartMeter:
    """Meters what has come so far of a JSON answer that may never be whole."""

    usage = None

    def __init__(self, received: bytearray) -> None:
        """`received` grows as more of it comes."""
        self._received = received

    def estimate(self) -> int:
        """Tokens of all that follows where the text begins."""
        text = _TEXT.search(self._received)
        return -(-(len(self._received) - text.end()) // BYTES_PER_TOKEN) if text else 0


class BodyMeter:
    """Meters one whole JSON answer. `broken`: it is not JSON, or ends too early. `complete`: the
    model came to an end; the repeat guard leaves an answer without one, and without usage."""

    def __init__(self, body: bytes) -> None:
        self.broken = False
        self.complete = True
        self.usage: Usage | None = None
        self._answer = _Answer()
        try:
            self.usage = _reported_in(body)
            if self.usage is None:
                self._answer = _decode_answer(body)
                self.complete = all(choice.finish_reason for choice in self._answer.choices)
        except UNREADABLE as problem:
            self.broken = not isinstance(problem, msgspec.ValidationError)

    def estimate(self) -> int:
        """Tokens of the text in it."""
        size = sum(choice.message.size() for choice in self._answer.choices)
        return -(-size // BYTES_PER_TOKEN)


def _reported_in(body: bytes) -> Usage | None:
    try:
        usage = _decode_usage(body).usage
    except msgspec.ValidationError:
        return None
    return usage.reported() if usage else None


def estimate_prompt(size: int, messages: int) -> int:
    """Tokens of a prompt of `size` bytes, where the model server did not say."""
    return -(-size // BYTES_PER_TOKEN) + PROMPT_OVERHEAD * messages


def _first_mark(chunk: bytes) -> int:
    """Where the first bytes stand that may announce usage or the end; -1: nowhere."""
    usage, done = chunk.find(b'"usage"'), chunk.find(b"data: [DONE]")
    return max(usage, done) if usage < 0 or done < 0 else min(usage, done)


def _usage_of(event: bytes) -> _UsageOnly:
    try:
        return _decode_usage(event.removeprefix(b"data:"))
    except UNREADABLE:
        return _UsageOnly(choices=[msgspec.Raw(b"{}")])  # not ours to judge: pass it on


def _text_size(event: bytes) -> int:
    """Bytes of generated text in one event; 0 where it cannot be read."""
    try:
        answer = _decode_answer(event.removeprefix(b"data:"))
    except UNREADABLE:
        return 0
    return sum(choice.delta.size() for choice in answer.choices)
