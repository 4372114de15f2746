"""Say at the beginning of a stream who speaks, as OpenAI and Ollama do.

llama.cpp's server leaves it out where the first token is half a character, as of an emoji, and
OpenAI's package for JavaScript ends with an error then. What says it stays as it came, to the byte.
"""

import msgspec
from msgspec import Raw

from gateway.core.decoding import decode
from gateway.dialects.family import SSE
from gateway.dialects.protocol import AnswerContext, Translation
from gateway.dialects.shared import sse
from gateway.dialects.shared.raw import data_of, opened

_SPEAKER = b'"role"'  # in a text it is escaped


def translator(context: AnswerContext, *, whole: bool) -> Translation | None:
    """Implements `Translator`."""
    return None if whole else _Stream()


class _Stream:
    """Completes the first event of one answer that holds a choice."""

    def __init__(self) -> None:
        self._begun = False

    def __call__(self, events: bytes) -> bytes:
        if self._begun or _SPEAKER in events:
            self._begun = True
            return events
        return b"".join(map(self._completed, events.split(SSE.separator)[:-1]))

    def _completed(self, event: bytes) -> bytes:
        if self._begun:
            return event + SSE.separator
        told = data_of(event)
        choices = decode(bytes(told.get("choices", b"")), list[dict[str, Raw]])
        if not choices:
            return event + SSE.separator
        self._begun = True
        first, *others = choices  # a request has one answer
        delta = opened(first.get("delta"))
        if "delta" not in first or "role" in delta:
            return event + SSE.separator
        first = {**first, "delta": {"role": "assistant", **delta}}
        return sse.write(msgspec.json.encode({**told, "choices": [first, *others]}))
