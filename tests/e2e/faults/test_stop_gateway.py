"""A gateway that is stopped while requests of every kind run: clients learn it, and its log has
nothing that looks like a failure."""

import asyncio
import json
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.books import Books
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_pull import pull_slowly
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.watching_client import Client

SLOTS = 8
FAILURES = ("Traceback", "was destroyed", "never retrieved", "never awaited", "ignored", "ASGI")
QUESTION = {"messages": [{"role": "user", "content": "x"}]}
ASKED = {
    "/v1/completions": {"prompt": "x"},
    "/v1/responses": {"input": "x"},
    "/v1/messages": {**QUESTION, "max_tokens": 9},
    "/api/chat": QUESTION,
    "/api/generate": {"prompt": "x"},
    "/v1/generate": {"prompt": "x"},
    "/v1/embeddings": {"input": "x"},
}


class Silent:
    """Clients that send a request, or a part of one, and read nothing."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._open: list[socket.socket] = []

    def send(self, sent: bytes) -> None:
        self._open.append(socket.create_connection(("127.0.0.1", self._port)))
        self._open[-1].sendall(sent)

    def ask(self, path: str, *, unsent: int = 0, **fields: object) -> None:
        """`unsent`: bytes of the body that never come."""
        body = json.dumps({"model": MODEL, **fields}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self._key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.send(head.encode() + body[: len(body) - unsent])

    def ask_everything(self) -> None:
        for path, fields in ASKED.items():
            for stream in (True, False):  # more than there are slots: some wait
                self.ask(path, stream=stream, **fields)
        for path in ("/v1/models/pull", "/api/pull"):
            self.ask(path, stream=True)
        self.ask("/v1/chat/completions", unsent=9, **QUESTION)
        self.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: lo")
        self.send(b"")

    def leave(self) -> None:
        while self._open:
            self._open.pop().close()


async def listens_no_more(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


@pytest.mark.parametrize("leave", [False, True], ids=["staying", "leaving"])
@pytest.mark.parametrize(
    "signals",
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)],
    ids=["Ctrl-C twice", "SIGTERM"],
)
def test_stopped_with_requests_of_every_kind_it_tells_them_and_logs_no_failure(
    upstream: FakeUpstream, dsn: str, home: Path, signals: Sequence[signal.Signals], leave: bool
) -> None:
    gate = upstream.gate()

    async def behave(exchange: Exchange) -> None:
        if b"streamed" in exchange.body:
            await exchange.head()
            await exchange.words(("one",))
        await gate.passed()

    told = r"Stopping: running answers \(\d+\) have 10 s to end. Ctrl-C again cuts them."

    async def play() -> None:
        upstream.behave = behave
        upstream.pull = pull_slowly(gate.passed)
        books = Books(dsn)
        key = await books.make_key()
        async with GatewayProcess(home, upstream.url, dsn, UPSTREAM_CONCURRENCY=SLOTS) as gateway:
            stream = await Client.ask(gateway.url, key, "streamed")
            await stream.until(b'"one"')
            whole = await Client.ask(gateway.url, key, "whole", stream=False)
            await asyncio.to_thread(upstream.wait_for_chats, 2)
            silent = Silent(gateway.port, key)
            silent.ask_everything()
            await asyncio.to_thread(upstream.wait_for_chats, SLOTS)

            running = gateway.running
            assert running is not None
            for number in signals:
                running.process.send_signal(number)
                await asyncio.to_thread(running.wait_for, told)
                await eventually(lambda: listens_no_more(gateway.port))
            if leave:
                silent.leave()
            seen = [await stream.answer(), await whole.answer()]
            code = await asyncio.to_thread(running.process.wait)
            running.kill()  # reads what is left of its output
            gateway.running = None
            silent.leave()
        assert code == 0
        assert [one for one in FAILURES if one in running.output] == [], running.output
        assert "restarting" in seen[0].events[-1]["error"]["message"]
        assert (seen[1].status, seen[1].headers["retry-after"]) == (503, "5")
        rows = (await books.balanced()).values()
        assert {row.status for row in rows} == {"gateway_stopped"} or leave

    asyncio.run(play())
