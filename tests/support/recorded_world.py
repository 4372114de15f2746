"""A gateway between a client and what a real Ollama was recorded to say."""

import asyncio
import http.client
import json
import re
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from tests.support.books import Books, Row
from tests.support.callers import counted, served
from tests.support.failing_parts import GatewayProcess, fresh_database
from tests.support.postgres import Server
from tests.support.replay import CHAT, Recording, Replay

OTHER_KEY = re.compile(rb"^x-api-key:.*\r\n", re.IGNORECASE | re.MULTILINE)  # as recorded
# Recorded without an answer that could be replayed; the same question was answered there.
ANSWERED_BY = {
    "oai-chat-maxtokens-float": "oai-chat-maxtokens5",  # the gateway sends 5 for 5.0
    "oai-chat-expect-100": "oai-chat-maxtokens5",
    "oai-chat-maxtokens-negative": "oai-chat",
    "oai-chat-maxtokens0": "oai-chat",
}


class Reply(NamedTuple):
    """What the client was given; `cut`: HTTP itself says that it is not whole."""

    status: int
    content_type: str
    id: UUID
    body: bytes
    cut: bool
    ignored: str = ""  # what the answer says was left out of the request


class World:
    """The gateway, the recordings behind it, the books of the key that calls."""

    def __init__(self, gateway: GatewayProcess, replay: Replay, books: Books) -> None:
        self.gateway = gateway
        self.replay = replay
        self.books = books
        self.sent: list[dict[str, Any]] = []

    def ask(self, name: str, path: bytes = CHAT.encode(), answer: Recording | None = None) -> Reply:
        """Send the recorded request as it was, with a key."""
        request = Recording(name).request.replace(CHAT.encode(), path, 1)
        self.replay.recording = answer or Recording(ANSWERED_BY.get(name, name))
        self.replay.received.clear()
        first, _, rest = OTHER_KEY.sub(b"", request).partition(b"\r\n")
        raw = b"%s\r\nX-API-Key: %s\r\n%s" % (first, self.books.key.encode(), rest)
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=60) as line:
            line.sendall(raw)
            with http.client.HTTPResponse(line, method="POST") as response:
                response.begin()
                try:
                    body, cut = response.read(), False
                except http.client.IncompleteRead as partial:
                    body, cut = partial.partial, True
                headers = response.headers
        self.sent = [json.loads(body) for _, body in self.replay.received]
        identity = UUID(headers["x-request-id"])
        ignored = headers.get("x-localllm-ignored", "")
        return Reply(response.status, headers["content-type"], identity, body, cut, ignored)

    def row(self, reply: Reply) -> Row | None:
        """The line of the log for that request."""
        counted(self.gateway.url, self.books.key)  # it waits for what is on its way
        return asyncio.run(self.books.rows()).get(reply.id)


@pytest.fixture(scope="module")
def world(postgres: Server) -> Iterator[World]:
    with (
        fresh_database(postgres) as dsn,
        Replay().running() as replay,
        served(replay.url, dsn) as gateway,
    ):
        books = Books(dsn)
        asyncio.run(books.make_key())
        yield World(gateway, replay, books)


def checked_row(world: World, reply: Reply, source: str, status: str) -> Row:
    row = world.row(reply)
    assert row is not None
    assert (row.usage_source, row.status) == (source, status)
    assert row.charged_tokens == sum(row.counts)
    return row
