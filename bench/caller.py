"""One keep-alive connection of the load generator: raw protocol, so that it costs little itself."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

from bench import plans


@dataclass(slots=True)
class Reply:
    """What came back. Times are of the machine's monotonic clock, in seconds."""

    sent: float
    status: int = 0
    parts: list[bytes] = field(default_factory=list)
    first: float = 0.0  # when the first event of a stream was read
    delays: list[float] = field(default_factory=list)  # of each stamped chunk
    whole: bool = False  # HTTP says that the body ended
    error: str = ""

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


def problem(reply: Reply, plan: plans.Plan, streamed: bool) -> str:
    """Why a reply is not what the plan promises; empty if it is complete."""
    if reply.error:
        return reply.error
    if reply.status != 200:
        return f"status {reply.status}: {reply.body[:200].decode('utf-8', 'replace')}"
    if not reply.whole:
        return "body cut"
    body = reply.body
    if not streamed:
        return "" if plans.text(plan) in body else "text missing"
    if (seen := body.count(plans.CONTENT)) != plan.size:
        return f"{seen} of {plan.size} chunks"
    return "" if body.endswith(plans.DONE) else "no [DONE]"


class Caller(asyncio.Protocol):
    """Sends one request at a time and collects its reply."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.parser: Any = None
        self.reply: Reply | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.timed = False
        self.tail = b""
        self.open = False

    @classmethod
    async def connect(cls, port: int) -> "Caller":
        loop = asyncio.get_running_loop()
        _, caller = await loop.create_connection(cls, "127.0.0.1", port)
        return caller

    async def exchange(self, request: bytes, timeout: float, timed: bool = False) -> Reply:
        """Never raises for a bad answer: the reply says what was wrong."""
        self.reply = Reply(sent=time.monotonic())
        self.timed, self.tail = timed, b""
        if not self.open:
            self.reply.error = "connection closed"
            return self.reply
        self.parser = httptools.HttpResponseParser(self)
        self.waiter = asyncio.get_running_loop().create_future()
        deadline = asyncio.get_running_loop().call_later(timeout, self.fail, "timed out")
        self.transport.write(request)
        await self.waiter
        deadline.cancel()
        return self.reply

    def close(self) -> None:
        if self.open:
            self.transport.close()

    def fail(self, error: str) -> None:
        if self.waiter and not self.waiter.done():
            assert self.reply
            self.reply.error = error
            self.waiter.set_result(None)
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self.fail("connection cut")

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as wrong:
            self.fail(f"not HTTP: {wrong}")

    def on_body(self, body: bytes) -> None:
        reply = self.reply
        assert reply
        reply.parts.append(body)
        if not reply.first and b"data:" in body:  # a comment is no token
            reply.first = time.monotonic()
        if self.timed:
            self.measure(reply, body)

    def measure(self, reply: Reply, body: bytes) -> None:
        """Note how long ago each chunk was sent; an event may come in pieces."""
        now = time.monotonic()
        body = self.tail + body
        end = body.rfind(b"\n\n") + 2
        if end < 2:
            self.tail = body
            return
        self.tail = body[end:]
        reply.delays += [now - int(t) / 1e6 for t in plans.STAMP.findall(body, 0, end)]

    def on_message_complete(self) -> None:
        assert self.reply
        assert self.waiter
        self.reply.status = self.parser.get_status_code()
        self.reply.whole = True
        if not self.waiter.done():
            self.waiter.set_result(None)
