"""A dialect with words of its own: the client gets those, the meter reads the model server's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest

from gateway.backends.client import ModelResponse
from gateway.core.errors import Refusal
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.protocol import AnswerContext, Event, Translation
from gateway.http.exchange import Exchange
from gateway.proxy.inflight import InFlight
from gateway.proxy.outbox import Entry, Outbox
from gateway.proxy.relay import relay
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import Settlement, Store, Verdict

pytestmark = pytest.mark.anyio

TEXT = b'data: {"choices":[{"delta":{"content":"one two"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = (
    b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":2}}'
)
ASKED = b'{"model":"m","messages":[{"role":"user"}],"stream":%s}'


def read_event(event: bytes) -> Event:
    failed = b"broken" in event
    return Event(ends=True, failed=True) if failed else CHAT.read_event(event)


def translator(context: AnswerContext, *, whole: bool) -> Translation:
    """Upper case, and at the end what it cost."""

    def translated(said: bytes) -> bytes:
        cost = b""
        if whole or DONE in said:
            usage = context.usage()
            cost = b"%d+%d" % (usage.prompt_tokens, usage.completion_tokens)
        return said.upper() + cost

    return translated


LOUD = replace(
    CHAT,
    report_markers=(*CHAT.report_markers, b"broken"),
    read_event=read_event,
    translator=translator,
)


class Answered:
    """A model server's answer, in these parts."""

    status = 200
    coded = False

    def __init__(self, *parts: bytes) -> None:
        self.content_type = "text/event-stream" if parts[0].startswith(b"data") else "text/json"
        self.received = bytearray()
        self._parts = parts

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part

    async def body(self) -> bytes:
        return b"".join(self._parts)

    async def to_its_end(self) -> None:
        pass


class Books:
    """In place of the outbox: what is settled."""

    def __init__(self) -> None:
        self.settled: list[Settlement] = []

        self.file = self

    def write(self, index: int, settlement: Settlement) -> None:
        pass

    def enqueue(self, entry: Entry) -> None:
        self.settled.append(entry.settlement)


async def told(*parts: bytes, stream: bool = True) -> tuple[bytes, Settlement, Refusal | None]:
    """What the client is told, and what is settled."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"path": CHAT.path, "method": "POST", "headers": []}
    exchange, books = Exchange(scope, asyncio.Event().wait, send), Books()
    exchange.dialect = LOUD if stream else None
    asked = LOUD.sanitise(ASKED % (b"true" if stream else b"false"))
    assert not isinstance(asked, Refusal)
    asked.sent = "m"
    entry = Entry(cast(Outbox, books), 0, Settlement(exchange.id))
    cache = VerdictCache(cast(Store, None))
    in_flight = InFlight(exchange, LOUD, asked, (), entry, cache, {})
    in_flight.permit(Verdict(True, granted=100))
    refusal = await relay(cast(ModelResponse, Answered(*parts)), in_flight)
    [settled] = books.settled
    return b"".join(message.get("body", b"") for message in sent), settled, refusal


async def test_events_are_translated_as_they_come_and_counted_as_they_were():
    shown, settled, refusal = await told(TEXT[:20], TEXT[20:] + USAGE, DONE)
    assert shown == (TEXT + DONE).upper() + b"5+2"
    assert (settled.prompt_tokens, settled.completion_tokens) == (5, 2)
    assert (settled.usage_source, settled.status, refusal) == ("reported", "ok", None)


async def test_what_it_cost_is_told_as_it_is_settled_where_nothing_was_reported():
    shown, settled, _ = await told(TEXT, DONE)
    assert settled.usage_source == "estimated"
    assert settled.completion_tokens > 0
    assert shown.endswith(b"%d+%d" % (settled.prompt_tokens, settled.completion_tokens))


async def test_a_whole_answer_is_translated_and_counted_as_it_was():
    shown, settled, _ = await told(WHOLE, stream=False)
    assert shown == WHOLE.upper() + b"5+2"
    assert (settled.prompt_tokens, settled.completion_tokens) == (5, 2)


async def test_an_event_that_breaks_the_stream_is_translated_as_its_last():
    broken = b"data: broken\n\n"
    shown, settled, refusal = await told(TEXT + broken + DONE)
    assert shown == (TEXT + broken).upper()
    assert (settled.status, refusal) == ("upstream_error", None)
    assert settled.completion_tokens > 0
