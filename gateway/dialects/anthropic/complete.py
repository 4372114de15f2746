"""Say at the end of a stream what its prompt cost, as Anthropic and Ollama do, and llama.cpp's
server does at the beginning alone. Some clients, such as LangChain, read the end alone, and would
tell of no prompt tokens. What says it stays as it came, to the byte.
"""

import msgspec

from gateway.dialects.family import SSE
from gateway.dialects.protocol import AnswerContext, Translation
from gateway.dialects.shared import sse
from gateway.dialects.shared.raw import Object, opened, text_of

_START, _END = "message_start", "message_delta"
_MARKS = tuple(f'"{kind}"'.encode() for kind in (_START, _END))  # in a text they are escaped
_COUNTED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def translator(context: AnswerContext, *, whole: bool) -> Translation | None:
    """Implements `Translator`."""
    return None if whole else _Stream()


class _Stream:
    """Completes the events of one answer."""

    def __init__(self) -> None:
        self._prompt: Object = {}

    def __call__(self, events: bytes) -> bytes:
        if not any(mark in events for mark in _MARKS):
            return events
        return b"".join(map(self._completed, events.split(SSE.separator)[:-1]))

    def _completed(self, event: bytes) -> bytes:
        # Between two values a line end is a blank, and it would end the line of data.
        told = opened(sse.data(event).replace(b"\n", b" "))
        kind, usage = text_of(told.get("type")), opened(told.get("usage"))
        if kind == _START:
            begun = opened(opened(told.get("message")).get("usage"))
            self._prompt = {name: begun[name] for name in _COUNTED if name in begun}
        if kind != _END or not usage or not self._prompt or "input_tokens" in usage:
            return event + SSE.separator
        made = {**told, "usage": {**self._prompt, **usage}}
        return sse.write(msgspec.json.encode(made), kind.encode())
