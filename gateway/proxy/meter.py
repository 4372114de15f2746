"""The meter, sans-I/O: bytes of the model's answer in, bytes for the client and usage out.

It looks at each chunk for the few bytes that announce usage or the end, and decodes only the event
that holds them. When no usage is reported it estimates from what it saw: an event holds a token at
least, and four bytes of text are about one. Events alone would be too few: Ollama was seen to send
60 tokens in 46 chunks, and a tool call of 31 tokens in one.
"""

import re
from collections.abc import Iterator

import msgspec

from gateway.core.decoding import decode
from gateway.dialects.family import SSE
from gateway.dialects.protocol import Dialect, Usage
from gateway.dialects.shared import sse

BYTES_PER_TOKEN = 4
MAX_EVENT = 16 * 1024**2  # bytes; a longer one is no event stream

_TEXT = re.compile(rb'(?:[^"\\]|\\.)*', re.DOTALL)  # of a JSON string, to its end
_BOM = b"\xef\xbb\xbf"  # may stand before the first event of a stream
_COMMENTS = re.compile(rb"(?:\A|(?<=\n\n))(?::[^\n]*\n)+\n")  # whole events of SSE: signs of life


_IDS = re.compile(rb"^(?:id|retry):", re.MULTILINE)
_HEAD = 4096  # bytes in which a stream shows whether its events have ids


class BrokenStream(Exception):
    """What came is not an event stream."""


class StreamMeter:
    """Meters one stream of events.

    `feed` gives whole events only, so that a heartbeat can go between any two of its results.
    """

    def __init__(self, dialect: Dialect, *, show_usage: bool, foreign: bool = False) -> None:
        """`foreign`: the model server is no Ollama, which always says itself that an answer is
        whole; others may leave it out once the model has finished."""
        self.usage: Usage | None = None
        self.complete = False  # the terminal event was seen
        self.failed = False  # it said that something broke
        self._prompt = 0  # tokens, as told before any text
        self._dialect = dialect
        self._markers = dialect.report_markers + (dialect.finish_markers if foreign else ())
        self._foreign = foreign
        self._end = (dialect.framing or SSE).separator
        self._show_usage = show_usage
        self._any_line_end = dialect.framing is SSE  # which allows LF, CR LF and CR
        self._after_cr = False  # the next byte may be the second half of a line end
        self._at_head = True  # where a byte order mark may stand
        # Whether its events have lines that the client must not get; None: none has come.
        self._has_ids = None if self._any_line_end else False
        self._finished = False  # the model came to its end
        self._tail = b""
        self._first = b""
        self._last = b""
        self._events = 0
        self._bytes = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take what arrived; return the whole events that the client may see, perhaps none."""
        end = self._end
        if self._any_line_end and (self._after_cr or b"\r" in chunk):
            chunk = self._plain(chunk)
        if self._tail:
            chunk = self._tail + chunk
            self._tail = b""
        if self._at_head:
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._tail = chunk
                return b""
            self._at_head = False
            chunk = chunk.removeprefix(_BOM)
        if not chunk.endswith(end):
            cut = chunk.rfind(end)
            cut = cut + len(end) if cut >= 0 else 0
            chunk, self._tail = chunk[:cut], chunk[cut:]
            if len(self._tail) > MAX_EVENT:
                raise BrokenStream
            if not chunk:
                return b""
        if self._has_ids is None:
            self._has_ids = _IDS.search(chunk, 0, _HEAD) is not None
        if self._has_ids:
            chunk = _without_ids(chunk)
        first = self._first_report(chunk)
        if first < 0:
            self._count(chunk)
            return chunk
        cut = chunk.rfind(end, 0, first)
        start = cut + len(end) if cut >= 0 else 0
        if start:
            self._count(chunk[:start])
        return chunk[:start] + b"".join(self._inspect(chunk[start:]))

    def finish(self) -> bytes:
        """The connection ended well: take the event that was left open, if it is whole, and end a
        stream that is."""
        tail, self._after_cr = self._tail, False
        data = sse.data(tail) if self._any_line_end else tail
        rest = b""
        if data.strip() == b"[DONE]" or decode(data, msgspec.Raw) is not None:
            rest = self.feed(self._end.removeprefix(b"\n") if tail.endswith(b"\n") else self._end)
        if self._foreign and self._finished and not self.complete and self._dialect.closing:
            self.complete = True
            rest += self._dialect.closing
        return rest

    def _plain(self, chunk: bytes) -> bytes:
        """With the line ends that most servers use; no JSON holds a bare CR."""
        if not chunk:
            return chunk
        rest = chunk[1:] if self._after_cr and chunk.startswith(b"\n") else chunk
        self._after_cr = chunk.endswith(b"\r")
        return rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _first_report(self, chunk: bytes) -> int:
        """Where the first bytes stand that may announce usage or the end; -1: nowhere."""
        first = -1
        for marker in self._markers:
            at = chunk.find(marker)
            if at >= 0 and (first < 0 or at < first):
                first = at
        return first

    def _count(self, events: bytes) -> None:
        marker, end = self._dialect.text_marker, self._end
        if end == SSE.separator and (events.startswith(b":") or b"\n\n:" in events):
            events = _COMMENTS.sub(b"", events)
        count = events.count(marker)
        # Events without text may stand among those that carry some.
        if marker != end and count and count != events.count(end):
            events = b"".join(one + end for one in events.split(end)[:-1] if marker in one)
        if count:
            self._first = self._first or events
            self._last = events
            self._events += count
            self._bytes += len(events)

    def _inspect(self, chunk: bytes) -> Iterator[bytes]:
        for event in chunk.split(self._end)[:-1]:
            shown = event
            if any(marker in event for marker in self._markers):
                found = self._dialect.read_event(event)
                self._prompt = found.prompt or self._prompt
                self.usage = self._whole(found.usage) or self.usage
                self._finished = self._finished or found.finished
                if found.extra and not self._show_usage:
                    continue
                self.complete = found.ends
                self.failed = found.failed
                shown = event if self._show_usage else found.plain or event
            if not self.failed:
                self._count(shown + self._end)
            yield shown + self._end
            if self.complete:
                return  # what comes behind it is nobody's answer

    def _whole(self, usage: Usage | None) -> Usage | None:
        """With what was told before of what the report leaves out."""
        if usage is None:
            return None
        before = self.usage or Usage(self._prompt)
        return Usage(
            usage.prompt_tokens or before.prompt_tokens,
            usage.completion_tokens or before.completion_tokens,
        )

    def estimate(self) -> int:
        """Tokens produced so far, as far as they can be told without a report."""
        begun = self._begun()
        if not self._events:
            return begun
        events = self._events
        if events > 1 and not self._ends()[1]:
            events -= 1  # the empty chunk that announces a crash, or the finish
        return begun + max(events, -(-self.text() // BYTES_PER_TOKEN))

    def _begun(self) -> int:
        """Tokens of the event that has only begun to come: a tool call can be long."""
        marker, size = self._dialect.text_marker, 0
        if marker != self._end and marker not in self._tail:
            return 0  # it repeats what came, or carries none
        for found in self._dialect.text_start.finditer(self._tail):
            text = _TEXT.match(self._tail, found.end()) if found[0].endswith(b'"') else None
            size += len(text[0]) if text else len(self._tail) - found.end()
        return -(-size // BYTES_PER_TOKEN)

    def text(self) -> int:
        """Bytes of generated text in the events so far, as far as it can be told."""
        if not self._events:
            return 0
        first, last = self._ends()
        return max(self._bytes - self._events * self._envelope(), first + last)

    def _ends(self) -> tuple[int, int]:
        """Bytes of text in the first event and in the last, if that is another."""
        first, last = self._outer()
        size = self._dialect.text_size
        return size(first), size(last) if self._events > 1 else 0

    def _envelope(self) -> int:
        """What stands around the text. The larger of two: the first can lack logprobs, the last can
        be an empty one."""
        size = self._dialect.text_size
        return max(len(one) + len(self._end) - size(one) for one in self._outer())

    def _outer(self) -> tuple[bytes, bytes]:
        marker = self._dialect.text_marker
        return (
            self._event_at(self._first, self._first.find(marker)),
            self._event_at(self._last, self._last.rfind(marker)),
        )

    def _event_at(self, events: bytes, at: int) -> bytes:
        """The event that holds the byte there, or ends there; without its separator."""
        before = events.rfind(self._end, 0, at)
        start = before + len(self._end) if before >= 0 else 0
        return events[start : events.find(self._end, at)]


def _without_ids(events: bytes) -> bytes:
    """Without lines that a client must not get: after an `id`, a sign of life is an empty event to
    some parsers; `retry` is for browsers that ask again by themselves."""
    kept: list[bytes] = []
    for event in events.split(b"\n\n")[:-1]:
        lines = [one for one in event.split(b"\n") if not one.startswith((b"id:", b"retry:"))]
        if any(lines):
            kept.append(b"\n".join(lines) + b"\n\n")
    return b"".join(kept)


class PartMeter:
    """Meters what has come so far of a JSON answer that may never be whole."""

    usage = None

    def __init__(self, dialect: Dialect, received: bytes | bytearray) -> None:
        """`received` grows as more of it comes."""
        self._text_start = dialect.text_start
        self._received = received

    def text(self) -> int:
        """Bytes of all that follows where the text begins."""
        found = self._text_start.search(self._received)
        return len(self._received) - found.end() if found else 0

    def estimate(self) -> int:
        """Tokens of it."""
        return -(-self.text() // BYTES_PER_TOKEN)


class BodyMeter:
    """Meters one whole JSON answer. `broken`: it is not JSON, or ends too early. `complete`: the
    model came to an end."""

    def __init__(self, dialect: Dialect, body: bytes) -> None:
        self.usage, self._text, self.complete, self.broken = dialect.read_body(body)

    def text(self) -> int:
        """Bytes of the text in it; 0 where a report spared the looking."""
        return self._text

    def estimate(self) -> int:
        """Tokens of it."""
        return -(-self._text // BYTES_PER_TOKEN)
