"""Fill in what Anthropic's clients need of an answer, and llama.cpp's server does not say.

What ended an answer is named, but not that it was a text of the client's. In a stream, what the
prompt cost stands at the beginning alone, and some clients, such as LangChain, read the end. A call
begins without an input. Where the first token is half a character, as of an emoji, the beginning
itself is left out, and Anthropic's packages end with an error. Ollama says all of it: what says it
stays as it came, to the byte.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from gateway.dialects.family import SSE
from gateway.dialects.protocol import AnswerContext, Translation
from gateway.dialects.shared import sse
from gateway.dialects.shared.raw import Object, data_of, opened, text_of

_START, _BLOCK, _END = "message_start", "content_block_start", "message_delta"
_CALL = "tool_use"
_STOPPED = {"stop_reason": "stop_sequence"}
_MARKS = tuple(f'"{kind}"'.encode() for kind in (_START, _END, _CALL))  # in a text it is escaped
_NEEDS_START = ("content_block_", "message_")  # what the kinds of these events begin with
_COUNTED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def translator(context: AnswerContext, *, whole: bool) -> Translation | None:
    """Implements `Translator`."""
    if whole:
        return partial(_body, context.stops) if context.stops else None
    return _Stream(context)


def _body(stops: Sequence[str], body: bytes) -> bytes:
    message = opened(body)
    return msgspec.json.encode({**message, **_STOPPED}) if _stopped(stops, message) else body


def _stopped(stops: Sequence[str], told: Object) -> bool:
    """Whether a text of the client's ended it; that of a template is none of its business."""
    text = text_of(told.get("stop_sequence"))
    return bool(text) and text in stops and text_of(told.get("stop_reason")) == "end_turn"


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
        told = data_of(event)
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
        if kind != _END:
            return None
        made: Object = {}
        delta, usage = opened(told.get("delta")), opened(told.get("usage"))
        if _stopped(self._context.stops, delta):
            made["delta"] = {**delta, **_STOPPED}
        prompt = self._charged() if self._counts else self._prompt
        if usage and prompt and "input_tokens" not in usage:
            made["usage"] = {**prompt, **usage}
        return {**told, **made} if made else None

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
