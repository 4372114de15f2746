"""A model server that dies at whatever place: the client sees it, and what was seen is counted."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.books import Books, Row
from tests.support.callers import served
from tests.support.failing_parts import GatewayProcess, fresh_database
from tests.support.fake_upstream import WORDS, Exchange, FakeUpstream, fake_upstream
from tests.support.postgres import Server
from tests.support.watching_client import Client, Seen, ask

Place = Callable[[Exchange], Awaitable[None]]
ROLE = [{"index": 0, "delta": {"role": "assistant", "content": ""}}]
FINISH = [{"index": 0, "delta": {}, "finish_reason": "stop"}]


class Scene:
    """One gateway between a model server and a client."""

    def __init__(self, gateway: GatewayProcess, upstream: FakeUpstream, books: Books) -> None:
        self.gateway, self.upstream, self.books = gateway, upstream, books

    async def ask(self, behave: Place, **options: object) -> tuple[Seen, Row]:
        """What a client saw of one answer, and its line in the log."""
        self.upstream.behave = behave
        before = len(await self.books.rows())
        seen = await ask(self.gateway.url, self.books.key, "Hi", **options)
        rows = await self.books.settled(before + 1)
        assert seen.request_id is not None
        return seen, rows[seen.request_id]


@contextmanager
def running(postgres: Server, **settings: object) -> Iterator[Scene]:
    with (
        fake_upstream() as upstream,
        fresh_database(postgres) as dsn,
        served(upstream.url, dsn, **settings) as gateway,
    ):
        books = Books(dsn)
        asyncio.run(books.make_key())
        yield Scene(gateway, upstream, books)


@pytest.fixture(scope="module")
def scene(postgres: Server) -> Iterator[Scene]:
    with running(postgres) as made:
        yield made


@pytest.fixture
def impatient(postgres: Server, stream: bool) -> Iterator[Scene]:
    """One that gives a silent model up after three seconds: more than a busy machine takes for the
    words before. For an answer in one piece the setting counts five times."""
    with running(postgres, OLLAMA_TIMEOUT=3 if stream else 0.6) as made:
        yield made


async def nothing(_: Exchange) -> None:
    """Not a byte."""


async def half_a_head(exchange: Exchange) -> None:
    await exchange._write(b"HTTP/1.1 200 OK\r\nContent-Ty")


async def no_http(exchange: Exchange) -> None:
    await exchange._write(b"SSH-2.0-OpenSSH\r\n\r\n")


async def a_head(exchange: Exchange) -> None:
    await exchange.head()


async def the_role(exchange: Exchange) -> None:
    await a_head(exchange)
    await exchange.event(exchange.chunk(ROLE))


async def some_words(exchange: Exchange) -> None:
    await the_role(exchange)
    await exchange.words()


async def half_an_event(exchange: Exchange) -> None:
    await some_words(exchange)
    await exchange.send(b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"mo')


async def the_finish(exchange: Exchange) -> None:
    await some_words(exchange)
    await exchange.event(exchange.chunk(FINISH))


async def a_crash_notice(exchange: Exchange) -> None:
    """As Ollama's runner does when it is killed (docs/ollama.md, trap 4)."""
    await some_words(exchange)
    notice = exchange.chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}}])
    await exchange.event(notice | {"model": ""})


async def the_usage(exchange: Exchange) -> None:
    await the_finish(exchange)
    usage = {"prompt_tokens": 77, "completion_tokens": 5, "total_tokens": 82}
    await exchange.event(exchange.chunk([], usage))


async def half_of_done(exchange: Exchange) -> None:
    await the_usage(exchange)
    await exchange.send(b"data: [DON")


BEFORE_AN_ANSWER = [nothing, half_a_head, no_http]
WITHOUT_TEXT = [a_head]
AFTER_TEXT = [some_words, half_an_event, the_finish, a_crash_notice]
AFTER_USAGE = [the_usage, half_of_done]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("place", BEFORE_AN_ANSWER)
def test_cut_before_the_head_it_is_an_error_and_costs_nothing(
    scene: Scene, place: Place, stream: bool
) -> None:
    async def play() -> None:
        seen, row = await scene.ask(then_cut(place), stream=stream)
        assert (seen.status, seen.whole) == (503, True)
        assert b"server_is_overloaded" in seen.body
        assert int(seen.headers["retry-after"]) > 0
        assert (row.counts, row.usage_source, row.status) == ((0, 0), "none", "upstream_error")

    asyncio.run(play())


@pytest.mark.parametrize("how", ["cut", "ended"])
@pytest.mark.parametrize("place", [*WITHOUT_TEXT, the_role, *AFTER_TEXT, *AFTER_USAGE])
def test_a_stream_that_breaks_off_ends_as_an_error_and_what_was_seen_is_counted(
    scene: Scene, place: Place, how: str
) -> None:
    async def play() -> None:
        seen, row = await scene.ask((then_cut if how == "cut" else then_end)(place))
        assert seen.failed
        assert b"upstream_error" in seen.body
        assert b"[DONE]" not in seen.body
        assert row.status == "truncated"
        if place in AFTER_USAGE:
            assert (row.counts, row.usage_source) == ((77, 5), "reported")
            return
        assert row.usage_source == "estimated"
        if place in AFTER_TEXT:
            assert all(word.encode() in seen.body for word in WORDS)
            assert len(WORDS) <= row.completion_tokens <= 2 * len(WORDS)
            assert row.prompt_tokens > 0
        elif place in WITHOUT_TEXT:
            assert row.counts == (0, 0)

    asyncio.run(play())


def test_a_stream_that_turns_into_garbage_ends_as_an_error_at_once(scene: Scene) -> None:
    gate = scene.upstream.gate()

    async def garbage(exchange: Exchange) -> None:
        await some_words(exchange)
        await gate.passed()
        await exchange._write(b"this is no chunk size\r\n")
        await asyncio.Event().wait()

    async def play() -> None:
        scene.upstream.behave = garbage
        before = len(await scene.books.rows())
        client = await Client.ask(scene.gateway.url, scene.books.key, "Hi")
        await client.until(WORDS[-1].encode())
        gate.open()
        seen = await client.answer()
        assert b"upstream_error" in seen.body
        rows = await scene.books.settled(before + 1)
        assert seen.request_id is not None
        row = rows[seen.request_id]
        assert (row.status, row.usage_source) == ("truncated", "estimated")
        assert row.completion_tokens >= len(WORDS)

    asyncio.run(play())


def test_cut_after_the_end_of_the_stream_nothing_is_wrong(scene: Scene) -> None:
    async def done(exchange: Exchange) -> None:
        await the_usage(exchange)
        await exchange.event("[DONE]")

    async def play() -> None:
        seen, row = await scene.ask(then_cut(done))
        assert seen.complete
        assert (row.counts, row.usage_source, row.status) == ((77, 5), "reported", "ok")

    asyncio.run(play())


@pytest.mark.parametrize("stream", [True, False])
def test_a_model_that_falls_silent_is_given_up_and_what_was_seen_is_counted(
    impatient: Scene, stream: bool
) -> None:
    async def silent(exchange: Exchange) -> None:
        if stream:
            await some_words(exchange)
        await asyncio.Event().wait()

    async def play() -> None:
        seen, row = await impatient.ask(silent, stream=stream)
        assert seen.failed
        assert b"upstream_timeout" in seen.body
        impatient.upstream.wait_until(lambda: impatient.upstream.chats[-1].gone)
        assert row.status in {"upstream_timeout", "upstream_error"}
        assert (row.completion_tokens > 0) is stream

    asyncio.run(play())


@pytest.mark.parametrize("framing", ["length", "chunked", "until it closes"])
def test_a_whole_answer_that_breaks_off_is_an_error_and_its_text_is_not_free(
    scene: Scene, framing: str
) -> None:
    async def half(exchange: Exchange) -> None:
        body = b'{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"%s' % (
            b"many words " * 40
        )
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        if framing == "length":
            await exchange._write(head + b"Content-Length: %d\r\n\r\n%s" % (len(body) + 99, body))
        elif framing == "chunked":
            await exchange.head("application/json")
            await exchange.send(body)
        else:
            await exchange._write(head + b"Connection: close\r\n\r\n" + body)

    async def play() -> None:
        seen, row = await scene.ask(then_cut(half), stream=False)
        assert (seen.status, seen.whole) == (502, True)
        assert b"many words" not in seen.body
        assert row.usage_source == "estimated"
        assert row.status in {"truncated", "upstream_error"}
        assert 0 < row.completion_tokens <= 50
        assert row.prompt_tokens > 0

    asyncio.run(play())


def test_a_model_server_that_comes_back_is_used_again(scene: Scene) -> None:
    async def play() -> None:
        assert (await scene.ask(nothing_wrong))[0].complete
        await asyncio.to_thread(scene.upstream.stop)
        seen, row = await scene.ask(nothing_wrong)
        assert (seen.status, row.usage_source) == (503, "none")
        await asyncio.to_thread(scene.upstream.start)
        seen, row = await scene.ask(nothing_wrong)
        assert seen.complete
        assert row.usage_source == "reported"

    asyncio.run(play())


async def nothing_wrong(exchange: Exchange) -> None:
    await the_usage(exchange)
    await exchange.event("[DONE]")
    await exchange.end()


def then_cut(place: Place) -> Place:
    async def behave(exchange: Exchange) -> None:
        await place(exchange)
        exchange._writer.close()  # what was written arrives, then the connection is gone

    return behave


def then_end(place: Place) -> Place:
    async def behave(exchange: Exchange) -> None:
        await place(exchange)
        await exchange.end()

    return behave
