"""What other servers than Ollama may say, or Ollama on a bad day: told as it is, and never free."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable

import pytest

from tests.support.books import Books, Row
from tests.support.callers import bearer, connect
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream

TEXT = "word " * 100
Behave = Callable[[Exchange], Awaitable[None]]


class Caller:
    """A key of its own, and what the books say of its only request."""

    def __init__(self, gateway: GatewayProcess, upstream: FakeUpstream, dsn: str) -> None:
        self._gateway, self._upstream = gateway, upstream
        self._books = Books(dsn)
        self._key = asyncio.run(self._books.make_key())

    def ask(self, behave: Behave, path: str = "/v1/chat/completions", **more: object):
        self._upstream.reset()
        self._upstream.behave = behave
        body = {"model": "fake", "messages": [{"role": "user", "content": "hi"}], **more}
        with connect(self._gateway.url) as client:
            return client.post(path, json=body, headers=bearer(self._key))

    def row(self) -> Row:
        [row] = asyncio.run(self._books.settled(1)).values()
        return row


@pytest.fixture
def caller(gateway: GatewayProcess, shared_upstream: FakeUpstream, shared_dsn: str) -> Caller:
    return Caller(gateway, shared_upstream, shared_dsn)


def whole(value: object, status: int = 200) -> Behave:
    return lambda exchange: exchange.whole(value, status)


def test_a_whole_answer_where_a_stream_was_asked_is_an_error_and_counted(caller: Caller):
    answer = caller.ask(lambda exchange: exchange.whole(exchange.completion(TEXT)), stream=True)
    assert answer.status_code == 502
    assert "stream" in answer.json()["error"]["message"]
    assert caller.row().completion_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_that_comes_as_a_200_is_an_error(caller: Caller, stream: bool):
    answer = caller.ask(whole({"error": {"message": "boom"}}), stream=stream)
    assert answer.status_code == 502
    assert caller.row().counts == (0, 0)


def test_a_report_of_nothing_beside_a_text_is_doubted(caller: Caller):
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        reported = {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}
        choice = {"index": 0, "delta": {"content": TEXT}}
        await exchange.event(exchange.chunk([choice], reported))
        exchange.cut()

    caller.ask(behave, stream=True)
    row = caller.row()
    assert row.usage_source == "estimated"
    assert row.completion_tokens > 50


@pytest.mark.parametrize(
    ("status", "told"), [(429, 503), (504, 504), (401, 502), (403, 502), (302, 502), (413, 400)]
)
def test_the_model_server_s_status_is_told_as_what_it_means_to_the_client(
    caller: Caller, status: int, told: int
):
    answer = caller.ask(whole({"error": {"message": "not now"}}, status))
    assert answer.status_code == told
    assert ("retry-after" in answer.headers) is (told == 503)


@pytest.mark.parametrize("path", ["/home/owner/.ollama/models/x", "C:\\Users\\owner\\x"])
def test_where_things_lie_on_the_owner_s_machine_is_not_told(caller: Caller, path: str):
    said = f"open {path}: permission denied for registry.ollama.ai/library/fake"
    answer = caller.ask(whole({"error": {"message": said}}, 500))
    message = answer.json()["error"]["message"]
    assert "owner" not in message
    assert "permission denied for registry.ollama.ai/library/fake" in message


def test_events_with_cr_lf_reach_the_client_and_are_counted(caller: Caller):
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        for value in (
            exchange.chunk([{"index": 0, "delta": {"content": "hello"}}]),
            exchange.chunk([], {"prompt_tokens": 5, "completion_tokens": 2}),
        ):
            await exchange.send(b"data: " + json.dumps(value).encode() + b"\r\n\r\n")
        await exchange.send(b"data: [DONE]\r\n\r\n")
        await exchange.end()

    answer = caller.ask(behave, stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert "hello" in answer.text
    assert caller.row().counts == (5, 2)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_compressed_answer_that_nobody_asked_for_is_none_and_costs_nothing(
    caller: Caller, path: str, stream: bool
):
    async def behave(exchange: Exchange) -> None:
        await exchange.head("text/event-stream\r\nContent-Encoding: gzip")
        await exchange.send(gzip.compress(TEXT.encode()) + b"\n\n" * 9)
        await exchange.end()

    answer = caller.ask(behave, path, stream=stream, max_tokens=50)
    assert answer.status_code == 502
    assert "compressed" in answer.text
    assert caller.row().counts == (0, 0)


CHAT, COMPLETIONS, NATIVE = "/v1/chat/completions", "/v1/completions", "/api/chat"
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("path", [CHAT, NATIVE, "/v1/messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_page_of_something_else_is_no_answer_and_costs_nothing(
    caller: Caller, path: str, stream: bool
):
    async def behave(exchange: Exchange) -> None:
        await exchange.head("text/html; charset=utf-8")
        await exchange.send(b"<html>\n\n<title>Sign in</title>\n\n<p>Who are you?</p>\n\n" * 9)
        await exchange.end()

    answer = caller.ask(behave, path, stream=stream, max_tokens=50)
    assert answer.status_code == 502
    assert "Sign in" not in answer.text
    assert caller.row().counts == (0, 0)


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize("named", [b"", b"event: error\n"], ids=["plain", "named"])
@pytest.mark.parametrize("behind", [b"", DONE], ids=["and no more", "and a clean end"])
def test_an_error_in_a_stream_is_its_end_told_once_and_no_text(
    caller: Caller, path: str, named: bytes, behind: bytes
):
    error = named + b'data: {"error": {"message": "boom"}}\n\n'

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        choice = {"index": 0, "delta": {"content": "hello"}, "text": "hello"}
        await exchange.event(exchange.chunk([choice]))
        await exchange.send(error + behind)
        await exchange.end()

    answer = caller.ask(behave, path, stream=True, prompt="hi")
    assert answer.content.endswith(error)
    assert answer.text.count("error") == error.count(b"error")
    row = caller.row()
    assert (row.status, row.usage_source) == ("upstream_error", "estimated")
    assert row.completion_tokens <= 2


@pytest.mark.parametrize("path", [CHAT, NATIVE])
def test_a_prompt_that_is_left_out_of_the_report_is_estimated(caller: Caller, path: str):
    counts = {"usage": {"completion_tokens": 7}} if path == CHAT else {"eval_count": 7}
    said = {"role": "assistant", "content": "hello"}
    choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
    answer = caller.ask(
        whole({"choices": choices, "message": said, "done": True, **counts}), path, stream=False
    )
    assert answer.status_code == 200
    row = caller.row()
    assert row.usage_source == "estimated"
    assert row.completion_tokens == 7
    assert row.prompt_tokens > 0
