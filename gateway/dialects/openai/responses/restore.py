"""Put the calls in an answer back into the form in which the client declared their tools.

A client that declared `wait_agent` in the namespace `agents` runs no `agents.wait_agent`, and one
that declared a freeform tool wants a text. All else in the answer stays as it came, to the byte.
"""

from functools import partial

import msgspec
from msgspec import Raw

from gateway.core.decoding import decode
from gateway.dialects.family import SSE
from gateway.dialects.openai.kinds import free_text
from gateway.dialects.openai.responses.complete import Completion, completed
from gateway.dialects.protocol import AnswerContext, ToolForm, Translation
from gateway.dialects.shared import sse
from gateway.dialects.shared.raw import Object, data_of, opened, text_of

_MARK = b"function_call"  # stands in whatever may have to change
_DELTA = "response.function_call_arguments.delta"
_DONE = "response.function_call_arguments.done"
_FREE_DELTA = "response.custom_tool_call_input.delta"
_FREE_DONE = "response.custom_tool_call_input.done"
_OF_ITEMS = ("response.output_item.added", "response.output_item.done")
_OF_ALL = ("response.completed", "response.incomplete", "response.failed")

_Forms = dict[str, ToolForm]


def translator(context: AnswerContext, *, whole: bool) -> Translation | None:
    """Implements `Translator`."""
    forms = context.tool_forms
    if whole:
        return partial(_body, forms)
    complete = Completion(context.model)
    if not forms:
        return complete
    restore = _Stream(forms)
    return lambda events: restore(complete(events))


def _body(forms: _Forms, body: bytes) -> bytes:
    body = completed(body)
    response = _response(forms, body) if forms and _MARK in body else None
    return body if response is None else msgspec.json.encode(response)


class _Stream:
    """Translates the events of one answer."""

    def __init__(self, forms: _Forms) -> None:
        self._forms = forms
        self._begun: _Forms = {}  # of calls, by each id that later events may name them by
        self._held: dict[str, Object] = {}  # by that id: the last piece of a call's arguments

    def __call__(self, events: bytes) -> bytes:
        if _MARK not in events:
            return events
        return b"".join(map(self._translated, events.split(SSE.separator)[:-1]))

    def _translated(self, event: bytes) -> bytes:
        made = self._made(event) if _MARK in event else None
        if made is None:
            return event + SSE.separator
        return b"".join(sse.write(msgspec.json.encode(one), one["type"].encode()) for one in made)

    def _made(self, event: bytes) -> list[Object] | None:
        """What takes its place; None: it stays as it is."""
        told = data_of(event)
        told["type"] = kind = text_of(told.get("type"))
        if kind in (_DELTA, _DONE):
            return self._arguments(told)
        if kind in _OF_ITEMS and (found := _call(self._forms, told.get("item"))):
            item, form = found
            self._begun |= {text_of(item[name]): form for name in ("id", "call_id") if name in item}
            return [{**told, "item": item}]
        if kind in _OF_ALL and (response := _response(self._forms, told.get("response"))):
            return [{**told, "response": response}]
        return None

    def _arguments(self, told: Object) -> list[Object] | None:
        """Of what a call is made with, or a piece of it. A freeform tool's text stands in JSON: it
        is told in one piece, once all of it is there."""
        call = text_of(told.get("item_id"))
        form = self._begun.get(call)
        if form is None:
            return None
        if "name" in told:  # some servers say it here too
            told["name"] = form.name
        if not form.freeform:
            return [told] if "name" in told else None
        if told["type"] == _DELTA:
            self._held[call] = told
            return []
        text = _input(told.pop("arguments", None))
        done = {**told, "type": _FREE_DONE, "input": text}
        held = self._held.pop(call, None)
        return [{**held, "type": _FREE_DELTA, "delta": text}, done] if held else [done]


def _response(forms: _Forms, raw: Raw | bytes | None) -> Object | None:
    """A response with its calls restored; None: there is nothing to restore."""
    response = opened(raw)
    items = decode(bytes(response.get("output", b"")), list[Raw]) or []
    found = [_call(forms, item) for item in items]
    if not any(found):
        return None
    output = [one[0] if one else item for one, item in zip(found, items, strict=True)]
    return {**response, "output": output}


def _call(forms: _Forms, raw: Raw | None) -> tuple[Object, ToolForm] | None:
    """A call in its tool's form; None: it is no call, or one of a plain function, or one of a tool
    that the model made up."""
    item = opened(raw)
    form = forms.get(text_of(item.get("name")))
    if form is None or text_of(item.get("type")) != "function_call":
        return None
    item["name"] = form.name
    if form.namespace:
        item["namespace"] = form.namespace
    if form.freeform:
        item["type"] = "custom_tool_call"
        item["input"] = _input(item.pop("arguments", None))
    return item, form


def _input(arguments: Raw | None) -> str:
    """The text for a freeform tool. Arguments that are no string of JSON are taken as written."""
    written = b"" if arguments is None else bytes(arguments)
    text = decode(written, str)
    return free_text(written.decode(errors="replace") if text is None else text)
