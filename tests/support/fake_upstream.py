"""A model server for tests: it records all that it receives, and does what a test tells it.

It speaks enough of Ollama to be taken for one, from raw bytes, on a thread with a loop of its own.
By default it answers a chat with a few words and reports usage. A test puts another coroutine into
`behave` to be slow, silent, wrong or cut off, and holds it at a `Gate` where order matters.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

from gateway.dialects import all_dialects
from tests.support.fake_anthropic import answer_messages
from tests.support.fake_exchange import PROMPT_TOKENS, WORDS, Exchange, usage
from tests.support.fake_exchange import answer as answer_chat
from tests.support.fake_ollama import answer_native, show
from tests.support.fake_openai import answer_as_shown
from tests.support.fake_pull import pull_at_once
from tests.support.gateway_process import free_port
from tests.support.stream_server import StreamServer

__all__ = [
    "MODEL",
    "PROMPT_TOKENS",
    "WORDS",
    "Exchange",
    "FakeUpstream",
    "Gate",
    "answer",
    "fake_upstream",
    "usage",
]
Result = TypeVar("Result")
PATIENCE = 60.0  # seconds after which something did not happen
MODEL = "fake:latest"
ANSWERED = {dialect.upstream for dialect in all_dialects()}
CLOUD_MODEL = "remote-alias:latest"  # installed, but it runs elsewhere

Behave = Callable[[Exchange], Awaitable[None]]
# Routes that answer in another language than chat completions do.
OTHERS: dict[str, Behave] = {
    "/v1/messages": answer_messages,
    **{f"/v1/{name}": answer_as_shown for name in ("completions", "embeddings", "responses")},
    **{f"/api/{name}": answer_native for name in ("chat", "generate", "embed", "embeddings")},
}


async def answer(exchange: Exchange) -> None:
    """What a model does on a good day, whichever route is asked."""
    await OTHERS.get(exchange.target, answer_chat)(exchange)


class Gate:
    """Closed until a test opens it; what `behave` waits for. Opened from any thread."""

    def __init__(self, upstream: "FakeUpstream") -> None:
        self._loop = upstream.loop
        self._event = asyncio.Event()

    async def passed(self) -> None:
        await self._event.wait()

    def open(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)


class FakeUpstream:
    """The server. `chats`: what a model would answer; `received`: all that reached it."""

    def __init__(self, port: int = 0) -> None:
        self.behave: Behave = answer
        self.pull: Behave = pull_at_once
        self.models: list[dict[str, Any]] = [
            {"name": MODEL, "model": MODEL, "details": {"context_length": 4096}},
            {"name": CLOUD_MODEL, "remote_host": "https://ollama.com", "remote_model": "big"},
        ]
        self.version = "0.33.0"
        self.loaded: list[dict[str, Any]] | None = None  # for /api/ps; None: all of them
        self.foreign: list[dict[str, Any]] = []  # what a server that is no Ollama lists
        self.received: list[Exchange] = []
        self.loop = asyncio.new_event_loop()
        self._changed = threading.Condition()
        self._server = StreamServer(self._serve, port or free_port())  # nobody's while it is away
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pulls(self) -> list[Exchange]:
        return [one for one in self.received if one.target == "/api/pull"]

    @property
    def chats(self) -> list[Exchange]:
        return [one for one in self.received if one.target in ANSWERED]

    def start(self) -> None:
        """Listen; again on the same port after a `stop`."""
        self._call(self._server.start())

    def stop(self) -> None:
        """Drop every connection and listen no more, as a killed model server does."""
        self._call(self._server.stop())

    def reset(self) -> None:
        """Forget what was received, and behave well again."""
        self.behave = answer
        self.pull = pull_at_once
        self.received.clear()

    def gate(self) -> Gate:
        return Gate(self)

    def wait_until(self, true: Callable[[], Result]) -> Result:
        """The first true value after something has happened here; fails if none comes."""
        with self._changed:
            assert self._changed.wait_for(true, PATIENCE), "it did not happen"
            return true()

    def wait_for_chats(self, count: int) -> list[Exchange]:
        """Return when so many chats have been received in all."""
        self.wait_until(lambda: len(self.chats) >= count)
        return self.chats

    def close(self) -> None:
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        early = b""
        try:
            while True:
                exchange = await _read_request(reader, writer, early)
                early = await self._answer(exchange, reader)
        finally:
            writer.transport.abort()

    async def _answer(self, exchange: Exchange, reader: asyncio.StreamReader) -> bytes:
        """Answer, unless the gateway closes first. What it sent meanwhile is given back."""
        with self._changed:
            self.received.append(exchange)
            self._changed.notify_all()
        listening = asyncio.ensure_future(reader.read(1))
        answering = asyncio.ensure_future(self._route(exchange))
        try:
            await asyncio.wait({listening, answering}, return_when=asyncio.FIRST_COMPLETED)
            gone = not answering.done()
            if not gone:
                try:
                    await answering
                except OSError:  # it was just writing
                    gone = True
        finally:
            answering.cancel()
            listening.cancel()
            results = await asyncio.gather(answering, listening, return_exceptions=True)
        with self._changed:
            exchange.gone = gone
            exchange.ended = True
            self._changed.notify_all()
        if gone:
            raise ConnectionAbortedError
        return results[1] if isinstance(results[1], bytes) else b""

    async def _route(self, exchange: Exchange) -> None:
        path = exchange.target
        if path in ANSWERED:
            await self.behave(exchange)
        elif path == "/api/pull":
            await self.pull(exchange)
        elif self.foreign and path.startswith("/api/"):
            await exchange.whole(b"404 page not found", 404)
        elif self.foreign and path == "/v1/models":
            await exchange.whole({"object": "list", "data": self.foreign})
        elif path == "/api/ps" and self.loaded is not None:
            await exchange.whole({"models": self.loaded})
        elif path in {"/api/tags", "/api/ps"}:
            await exchange.whole({"models": self.models})
        elif path == "/api/show":
            await show(exchange, [one["name"] for one in self.models])
        elif path == "/v1/models":
            listed = [{"id": one["name"], "object": "model"} for one in self.models]
            await exchange.whole({"object": "list", "data": listed})
        elif path == "/api/version":
            await exchange.whole({"version": self.version})
        else:
            await exchange.whole(b"404 page not found", 404)


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: bytes
) -> Exchange:
    head = early + await reader.readuntil(b"\r\n\r\n")
    head = head.removesuffix(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        assert not line.startswith(b"transfer-encoding"), "the gateway knows the length"
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return Exchange(writer, head, await reader.readexactly(length))


@contextlib.contextmanager
def fake_upstream() -> Iterator[FakeUpstream]:
    """One that listens."""
    upstream = FakeUpstream()
    upstream.start()
    try:
        yield upstream
    finally:
        upstream.close()
