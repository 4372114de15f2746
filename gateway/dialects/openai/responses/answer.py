"""A response: where usage, the end and generated text stand in it."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.core.decoding import UNREADABLE, decode
from gateway.dialects.protocol import Body, Event, Told, Usage, usage_of
from gateway.dialects.shared import sse
from gateway.dialects.shared.reading import raw_size, unreadable

REPORT_MARKERS = (
    b'"response.completed"',
    b'"response.incomplete"',
    b'"response.failed"',
    b'"error"',
)
_ENDS = {"response.completed", "response.incomplete"}
_FAILS = {"response.failed", "error"}


class _Counts(Struct):
    input_tokens: Told = 0
    output_tokens: Told = 0


class _UsageOnly(Struct):
    usage: _Counts | None = None


class _Ended(Struct):
    response: _UsageOnly | None = None


class _Kind(Struct):
    type: str = ""
    error: Any = None


class _Delta(Struct):
    delta: Raw = Raw()


class _Text(Struct):
    text: str | None = None


class _Item(Struct):
    content: list[_Text] | None = None
    summary: list[_Text] | None = None
    name: str | None = None
    arguments: str | None = None

    def size(self) -> int:
        """Bytes of the texts in it."""
        texts = [one.text for one in (*(self.content or ()), *(self.summary or ()))]
        texts += [self.name, self.arguments]
        return sum(len(text.encode()) for text in texts if text)


class _Response(Struct):
    status: str = ""
    output: list[_Item] = []


_decode_response = msgspec.json.Decoder(_Response).decode


def _usage(found: _UsageOnly | None) -> Usage | None:
    if found is None or found.usage is None:
        return None
    return usage_of(found.usage.input_tokens, found.usage.output_tokens)


def read_event(event: bytes) -> Event:
    """The last one holds the whole response, and its usage."""
    data = sse.data(event)
    kind = decode(data, _Kind)
    if kind is None:
        return Event()  # not ours to judge
    failed = kind.type in _FAILS or (not kind.type and kind.error is not None)
    if not failed and kind.type not in _ENDS:
        return Event()
    ended = decode(data, _Ended)
    return Event(_usage(ended.response if ended else None), ends=True, failed=failed)


def text_size(event: bytes) -> int:
    """Bytes of the text that it adds."""
    found = decode(sse.data(event), _Delta)
    return raw_size(found.delta) if found else 0


def read_body(body: bytes) -> Body:
    """What the repeat guard cut is called completed all the same: a text without a usage."""
    try:
        usage = _usage(decode(body, _UsageOnly))
        response = _decode_response(body)
    except UNREADABLE as problem:
        return unreadable(problem, body)
    text = sum(item.size() for item in response.output)
    ended = response.status in {"completed", "incomplete"}
    complete = ended and (usage is not None or not text)
    return Body(usage, text, complete, broken=not response.status)
