"""Fill in what Anthropic's clients need of a stream, and llama.cpp's server does not say.

What the prompt cost stands at the beginning alone, and some clients, such as LangChain, read the
end. A call begins without an input. Where the first token is half a character, as of an emoji, the
beginning itself is left out, and Anthropic's packages end with an error. Ollama says all of it:
what says it stays as it came, to the byte.
"""

import msgspec

from gateway.dialects.family import SSE
from gateway.dialects.protocol import AnswerContext, Translation
from gateway.dialects.shared import sse
from gateway.dialects.shared.raw import Object, opened, text_of

_START, _BLOCK, _END = "message_start", "content_block_start", "message_delta"
_CALL = "tool_use"
_MARKS = tuple(f'"{kind}"'.encode() for kind in (_START, _END, _CALL))  # in a text it is escaped
_NEEDS_START = ("content_block_", "message_")  # what the kinds of these events begin with
_COUNTED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def translator(context: AnswerContext, *, whole: bool) -> Translation | None:
    """Implements `Translator`."""
    return None if whole else _Stream(context)


class _Stream:
    """Completes the events of one answer."""

    def __init__(self, context: AnswerContext) -> None:
        self._context = context
        self._begun = False
        self._counts = False  # whether it is the gateway that says what the prompt cost
        self._prompt: Object = {}

    def __call__(self, events: bytes) -> bytes:
        if self._begun and not any(mark in events for mark in _MARKS):
            return events
        return b"".join(map(self._completed, events.split(SSE.separator)[:-1]))

    def _completed(self, event: bytes) -> bytes:
        # Between two values a line end is a blank, and it would end the line of data.
        told = opened(sse.data(event).replace(b"\n", b" "))
        kind = text_of(told.get("type"))
        before = b""
        if kind == _START:
            self._begun = True
            begun = opened(opened(told.get("message")).get("usage"))
            self._prompt = {name: begun[name] for name in _COUNTED if name in begun}
        elif not self._begun and kind.startswith(_NEEDS_START):
            self._begun = self._counts = True
            before = self._start()
        made = self._made(kind, told)
        if made is None:
            return before + event + SSE.separator
        return before + sse.write(msgspec.json.encode(made), kind.encode())

    def _made(self, kind: str, told: Object) -> Object | None:
        """What takes its place; None: it stays as it is."""
        if kind == _BLOCK:
            block = opened(told.get("content_block"))
            if text_of(block.get("type")) == _CALL and "input" not in block:
                return {**told, "content_block": {**block, "input": {}}}
        usage = opened(told.get("usage"))
        if kind != _END or not usage or "input_tokens" in usage:
            return None
        prompt = self._charged() if self._counts else self._prompt
        return {**told, "usage": {**prompt, **usage}} if prompt else None

    def _start(self) -> bytes:
        message: Object = {
            "id": f"msg_{self._context.id}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self._context.model,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**self._charged(), "output_tokens": 0},
        }
        return sse.write(msgspec.json.encode({"type": _START, "message": message}), _START.encode())

    def _charged(self) -> Object:
        return {"input_tokens": self._context.usage().prompt_tokens}
