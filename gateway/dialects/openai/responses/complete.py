"""Fill in what OpenAI's clients need of an answer, and llama.cpp's server does not say.

Without the place of an item in the answer, for one, OpenAI's and Vercel's packages end with an
error. Ollama says all of it: what it answers stays as it came, to the byte.
"""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from gateway.core.decoding import decode
from gateway.dialects.family import SSE
from gateway.dialects.shared import sse
from gateway.dialects.shared.raw import Object, data_of, opened, text_of

_KINDS = "response."  # what the kinds of all events begin with
_FIRST = "response.created"
# Repeated with each piece of an answer that begins with half a character, as of an emoji.
_ONCE = (_FIRST, "response.in_progress")
_OF_TEXT = ("response.output_text.delta", "response.output_text.done")
_PART = "response.content_part.added"
_THOUGHT = "response.reasoning_text.delta"
_THINKING = Raw(b'{"type":"reasoning_text","text":""}')
_ITEM_DONE = "response.output_item.done"
_CALLED = "response.function_call_arguments.done"
# The part of an item that these are about; llama.cpp makes one part of each item.
_INDICES = {
    "response.content_part.": "content_index",
    "response.output_text.": "content_index",
    "response.refusal.": "content_index",
    "response.reasoning_text.": "content_index",
    "response.reasoning_summary_part.": "summary_index",
    "response.reasoning_summary_text.": "summary_index",
}
_DETAILS = {
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}


def completed(body: bytes) -> bytes:
    """A whole answer."""
    response = opened(body)
    if "output" not in response or "tools" in response:  # which all others repeat
        return body
    return msgspec.json.encode(_filled(response))


class Completion:
    """Completes the events of one answer."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._created = int(time.time())
        self._number = 0
        self._places: dict[str, int] = {}  # of items in the answer, by their ids
        self._said: set[tuple[str, str]] = set()  # kinds of events, and the items they were about
        self._needed: bool | None = None  # None: the first event has still to come

    def __call__(self, events: bytes) -> bytes:
        if self._needed is False:
            return events
        return b"".join(map(self._completed, events.split(SSE.separator)[:-1]))

    def _completed(self, event: bytes) -> bytes:
        if self._needed is False or not (told := data_of(event)):
            return event + SSE.separator
        kind = text_of(told.get("type"))
        if self._needed is None:
            self._needed = kind == _FIRST and "output" not in opened(told.get("response"))
        if not self._needed or not kind.startswith(_KINDS):
            return event + SSE.separator
        return b"".join(self._written(*one) for one in self._with_missing(kind, told))

    def _with_missing(self, kind: str, told: Object) -> Iterator[tuple[str, Object]]:
        """It, behind the event that should have come before it; nothing where it only repeats."""
        item = _item(told.get("item"))
        name = text_of(told.get("item_id", item.get("id")))
        if kind in _ONCE and (kind, name) in self._said:
            return
        if kind == _THOUGHT and name and (_PART, name) not in self._said:
            yield _PART, {"item_id": told["item_id"], "part": _THINKING}
            self._said.add((_PART, name))
        called = kind == _ITEM_DONE and text_of(item.get("type")) == "function_call"
        if called and name and (_CALLED, name) not in self._said:
            about = {field: item[field] for field in ("name", "arguments") if field in item}
            yield _CALLED, {"item_id": item["id"], **about}
        self._said.add((kind, name))
        yield kind, told

    def _written(self, kind: str, told: Object) -> bytes:
        numbered = {"type": kind, "sequence_number": self._number}
        made: Object = {**numbered, **self._about(kind, told), **told}
        self._number += 1
        if "response" in told:
            made["response"] = self._response(told["response"])
        if "item" in told:
            made["item"] = _item(told["item"])
        if kind == _PART:
            made["part"] = _part(told.get("part"))
        return sse.write(msgspec.json.encode(made), kind.encode())

    def _about(self, kind: str, told: Object) -> Object:
        """Which item of the answer it is about, and which part of it."""
        about: Object = {}
        item = _item(told.get("item"))
        names = [text_of(one) for one in (told.get("item_id"), item.get("id")) if one is not None]
        if names:
            about["output_index"] = self._places.setdefault(names[0], len(self._places))
        for begin, index in _INDICES.items():
            if kind.startswith(begin):
                about[index] = 0
        if kind in _OF_TEXT:
            about["logprobs"] = []
        return about

    def _response(self, raw: Any) -> Object:
        begun = {"created_at": self._created, "model": self._model, "output": Raw(b"[]")}
        return _filled({**begun, **opened(raw)})


def _filled(response: Object) -> Object:
    """With what its items and its usage lack."""
    items = decode(bytes(response["output"]), list[Raw])
    if items is not None:
        response["output"] = [_item(one) if "call_id" in opened(one) else one for one in items]
    usage = opened(response.get("usage"))
    if usage:
        response["usage"] = {**_DETAILS, **usage}
    return response


def _item(raw: Any) -> Object:
    """A call has no id of its own: events name it by that of the call."""
    item = opened(raw)
    return {"id": item["call_id"], **item} if "call_id" in item else item


def _part(raw: Any) -> Object:
    part = opened(raw)
    return {"annotations": [], **part} if text_of(part.get("type")) == "output_text" else part
