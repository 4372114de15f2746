"""What the fake model says: the model's name is the plan that caller and model share.

- `answer-1024`: one JSON answer whose text has 1,024 bytes
- `burst-200`: a stream of 200 chunks, all at once
- `paced-20x10`: a stream of 20 chunks a second for 10 seconds; each chunk carries its send time
- `late-200x20`: a stream of 20 chunks, all at once after 200 milliseconds
- `spends-1024`: the answer, and usage of as many tokens as the request allows
"""

import re
import time
from dataclasses import dataclass
from functools import lru_cache

PROMPT_TOKENS = 26
PIECE = 8  # chunks of a burst in one write: fast, but never all in a single read
_NAME = re.compile(r"(answer|burst|paced|late|spends)-([0-9]{1,5})(?:x([0-9]{1,5}))?(?::latest)?")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: "
_EVENT = (
    b'data: {"id":"chatcmpl-407","object":"chat.completion.chunk","created":1795431862,'
    b'"model":"%s","system_fingerprint":"fp_ollama","choices":[%s]'
)
_DELTA = b'{"index":0,"delta":{"role":"assistant","content":"%s"},"finish_reason":null}'
STAMP = re.compile(rb'"content":"t([0-9]{16})"')  # microseconds of the machine's monotonic clock
CONTENT = b'"content":"t'  # once in every chunk that carries text
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """`size` is bytes of text for an answer, else the number of chunks."""

    model: str
    kind: str
    size: int
    interval: float = 0.0  # seconds between chunks; 0: all at once
    thinking: float = 0.0  # seconds before the first

    @property
    def completion_tokens(self) -> int:
        return self.size if self.streams else self.size // 4

    @property
    def streams(self) -> bool:
        return self.kind not in {"answer", "spends"}


@lru_cache(maxsize=64)
def parse(model: str) -> Plan | None:
    """The plan that a model name stands for; None for a model that does not exist."""
    found = _NAME.fullmatch(model)
    if not found:
        return None
    kind, first, second = found[1], int(found[2]), int(found[3] or 1)
    if kind == "late":
        return Plan(model, kind, second, thinking=first / 1000)
    if kind != "paced":
        return Plan(model, kind, first)
    return Plan(model, kind, first * second, 1 / first) if first and second else None


def _usage(completion: int) -> bytes:
    return b'"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}' % (
        PROMPT_TOKENS,
        completion,
        PROMPT_TOKENS + completion,
    )


def _framed(data: bytes) -> bytes:
    """One piece of a chunked HTTP body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def json_response(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


@lru_cache(maxsize=64)
def answer(plan: Plan, completion: int | None = None) -> bytes:
    """The whole response of a request that does not stream. `completion`: tokens that it reports,
    if not those of the plan."""
    return json_response(
        b'{"id":"chatcmpl-407","object":"chat.completion","created":1795431862,"model":"%s",'
        b'"system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant",'
        b'"content":"%s"},"finish_reason":"stop"}],%s}\n'
        % (plan.model.encode(), text(plan), _usage(completion or plan.completion_tokens))
    )


def text(plan: Plan) -> bytes:
    return (b"The five boxing wizards jump quickly. " * (plan.size // 38 + 1))[: plan.size]


def stream_head() -> bytes:
    return _HEAD + b"text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@lru_cache(maxsize=64)
def _around(model: str) -> tuple[bytes, bytes]:
    whole = _framed(_EVENT % (model.encode(), _DELTA % (b"t" + b"@" * 16)) + b"}\n\n")
    before, after = whole.split(b"@" * 16)
    return before, after


def chunk(plan: Plan) -> bytes:
    """One piece of text, stamped with this moment."""
    before, after = _around(plan.model)
    return before + b"%016d" % (time.monotonic_ns() // 1000) + after


@lru_cache(maxsize=64)
def stream_end(plan: Plan, with_usage: bool) -> bytes:
    """Finish, usage if it was asked for, and `[DONE]`: as with Ollama, often in one write."""
    model = plan.model.encode()
    finish = b'{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}'
    end = _framed(_EVENT % (model, finish) + b"}\n\n")
    if with_usage:
        end += _framed(_EVENT % (model, b"") + b"," + _usage(plan.completion_tokens) + b"}\n\n")
    return end + _framed(DONE) + b"0\r\n\r\n"


@lru_cache(maxsize=64)
def burst(plan: Plan, with_usage: bool) -> tuple[bytes, ...]:
    """A whole stream as a few writes. Its stamps are those of the first time it was made."""
    piece = chunk(plan) * PIECE
    pieces = [piece] * (plan.size // PIECE) + [chunk(plan) * (plan.size % PIECE)]
    pieces[0] = stream_head() + pieces[0]
    pieces[-1] += stream_end(plan, with_usage)
    return tuple(pieces)
