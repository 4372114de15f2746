"""The meter, sans-I/O: bytes of the model's answer in, bytes for the client and usage out.

It looks at each chunk for the few bytes that announce usage or the end, and decodes only the event
that holds them. When no usage is reported it estimates from what it saw: a token is at least one
event, and about four bytes of text (facts/ollama.md, trap 7: chunks are not tokens).
"""

from collections.abc import Iterator

from gateway.dialects.base import SSE, Dialect, Usage

BYTES_PER_TOKEN = 4
MAX_EVENT = 16 * 1024**2  # bytes; a longer one is no event stream
PROMPT_OVERHEAD = 8  # tokens a chat template usually adds to a message


class BrokenStream(Exception):
    """What came is not an event stream."""


class StreamMeter:
    """Meters one stream of events.

    `feed` gives whole events only, so that a heartbeat can go between any two of its results.
    """

    def __init__(self, dialect: Dialect, *, show_usage: bool) -> None:
        self.usage: Usage | None = None
        self.complete = False  # the terminal event was seen
        self.failed = False  # it said that something broke
        self._prompt = 0  # tokens, as told before any text
        self._dialect = dialect
        self._end = (dialect.framing or SSE).separator
        self._show_usage = show_usage
        self._tail = b""
        self._first = b""
        self._last = b""
        self._events = 0
        self._bytes = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take what arrived; return the whole events that the client may see, perhaps none."""
        end = self._end
        if self._tail:
            chunk = self._tail + chunk
            self._tail = b""
        if not chunk.endswith(end):
            cut = chunk.rfind(end)
            cut = cut + len(end) if cut >= 0 else 0
            chunk, self._tail = chunk[:cut], chunk[cut:]
            if len(self._tail) > MAX_EVENT:
                raise BrokenStream
            if not chunk:
                return b""
        mark = self._first_mark(chunk)
        if mark < 0:
            self._count(chunk)
            return chunk
        cut = chunk.rfind(end, 0, mark)
        start = cut + len(end) if cut >= 0 else 0
        if start:
            self._count(chunk[:start])
        return chunk[:start] + b"".join(self._inspect(chunk[start:]))

    def _first_mark(self, chunk: bytes) -> int:
        """Where the first bytes stand that may announce usage or the end; -1: nowhere."""
        return min(
            (at for mark in self._dialect.marks if (at := chunk.find(mark)) >= 0), default=-1
        )

    def _count(self, events: bytes) -> None:
        piece, end = self._dialect.piece, self._end
        pieces = events.count(piece)
        if pieces and pieces != events.count(end):  # others stand among those that carry text
            events = b"".join(one + end for one in events.split(end)[:-1] if piece in one)
        if pieces:
            self._first = self._first or events
            self._last = events
            self._events += pieces
            self._bytes += len(events)

    def _inspect(self, chunk: bytes) -> Iterator[bytes]:
        for event in chunk.split(self._end)[:-1]:
            shown = event
            if any(mark in event for mark in self._dialect.marks):
                found = self._dialect.read_event(event)
                self._prompt = found.prompt or self._prompt
                self.usage = self._whole(found.usage) or self.usage
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
        """With the prompt that was told before, if the report leaves it out."""
        if usage is None or usage.prompt_tokens or not self._prompt:
            return usage
        return Usage(self._prompt, usage.completion_tokens)

    def estimate(self) -> int:
        """Tokens produced so far, as far as they can be told without a report."""
        if not self._events:
            return 0
        size, piece = self._dialect.text_size, self._dialect.piece
        first = self._event_at(self._first, self._first.find(piece))
        last = self._event_at(self._last, self._last.rfind(piece))
        # The larger of two: the first can lack logprobs, the last can be an empty one.
        envelope = max(len(one) + len(self._end) - size(one) for one in (first, last))
        events = self._events
        if events > 1 and not size(last):
            events -= 1  # the empty chunk that announces a crash, or the finish
        text = self._bytes - self._events * envelope
        return max(events if self._bytes else 0, -(-text // BYTES_PER_TOKEN))

    def _event_at(self, events: bytes, at: int) -> bytes:
        """The event that holds the byte there, or ends there; without its separator."""
        before = events.rfind(self._end, 0, at)
        start = before + len(self._end) if before >= 0 else 0
        return events[start : events.find(self._end, at)]


class PartMeter:
    """Meters what has come so far of a JSON answer that may never be whole."""

    usage = None

    def __init__(self, dialect: Dialect, received: bytearray) -> None:
        """`received` grows as more of it comes."""
        self._begins = dialect.begins
        self._received = received

    def estimate(self) -> int:
        """Tokens of all that follows where the text begins."""
        text = self._begins.search(self._received)
        return -(-(len(self._received) - text.end()) // BYTES_PER_TOKEN) if text else 0


class BodyMeter:
    """Meters one whole JSON answer. `broken`: it is not JSON, or ends too early. `complete`: the
    model came to an end."""

    def __init__(self, dialect: Dialect, body: bytes) -> None:
        self.usage, self._text, self.complete, self.broken = dialect.read_body(body)

    def estimate(self) -> int:
        """Tokens of the text in it."""
        return -(-self._text // BYTES_PER_TOKEN)


def estimate_prompt(size: int, messages: int) -> int:
    """Tokens of a prompt of `size` bytes, where the model server did not say."""
    return -(-size // BYTES_PER_TOKEN) + PROMPT_OVERHEAD * messages
