"""A client that keeps every byte of an answer, and how it ended; it can leave at any moment."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from tests.support.fake_upstream import MODEL
from tests.support.gateway_process import PATIENCE


class Seen(NamedTuple):
    """What a client saw of one answer. `whole`: HTTP said that this was all of it."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    @property
    def request_id(self) -> UUID | None:
        text = self.headers.get("x-request-id")
        return UUID(text) if text else None

    @property
    def events(self) -> list[Any]:
        """Decoded data of a stream; the text `[DONE]` stays as it is."""
        lines = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def failed(self) -> bool:
        """Whether a client can tell that this is no good answer."""
        if not self.whole or self.status != 200:
            return True
        if not self.headers["content-type"].startswith("text/event-stream"):
            return "error" in json.loads(self.body)
        return any("error" in event for event in self.events if event != "[DONE]")

    @property
    def complete(self) -> bool:
        """Whether a client takes it for the whole answer."""
        if self.failed:
            return False
        streamed = self.headers["content-type"].startswith("text/event-stream")
        return not streamed or self.events[-1:] == ["[DONE]"]


NOTHING = Seen(0, {}, b"", whole=False)


class Client:
    """One connection with one request, read as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self.on_bytes: Callable[[], object] = lambda: None

    @classmethod
    async def ask(cls, url: str, key: str, text: str, **options: Any) -> "Client":
        """Send a chat request; streaming unless `stream=False`."""
        host, _, port = url.removeprefix("http://").partition(":")
        client = cls(*await asyncio.open_connection(host, int(port)))
        client.send(key, text, **options)
        return client

    def send(self, key: str, text: str, *, keep: bool = False, **options: object) -> None:
        """The same on a connection that there is. `keep`: it may serve another."""
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": 50,
            "stream": True,
            **options,
        }
        payload = json.dumps(body).encode()
        self.writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\n%s"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
            % (b"" if keep else b"Connection: close\r\n", key.encode(), len(payload), payload)
        )

    async def answer(self) -> Seen:
        """Read to the end, whatever it is."""
        whole = await self.read()
        await self.leave()
        return self.seen(whole)

    async def read(self) -> bool:
        """Read to the end. Whether HTTP says that it was all."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await self._some():
                    pass
        except (OSError, asyncio.IncompleteReadError):
            return False
        return True

    def seen(self, whole: bool = False) -> Seen:
        return Seen(self._status, self._headers, bytes(self._body), whole)

    async def status(self) -> int:
        """As soon as it is there."""
        async with asyncio.timeout(PATIENCE):
            await self._head()
        return self._status

    async def until(self, text: bytes) -> None:
        """Return when the body so far holds the text."""
        async with asyncio.timeout(PATIENCE):
            while text not in self._body:
                assert not await self._some(), f"the answer ended: {self.seen()}"

    async def leave(self, *, reset: bool = False) -> None:
        """Close the connection: with FIN, or with RST."""
        if reset and not self.writer.transport.is_closing():
            unsent = struct.pack("ii", 1, 0)  # wait for nothing: that is what makes it a reset
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, unsent)
            self.writer.transport.abort()
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    async def _head(self) -> None:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        self._status = int(lines[0].split()[1])
        for line in lines[1:-1]:
            name, _, value = line.partition(":")
            self._headers[name.lower()] = value.strip()

    async def _some(self) -> bool:
        """Read a little more. True: that was all of it."""
        if not self._status:
            await self._head()
        self.on_bytes()
        if "transfer-encoding" in self._headers:
            size = int((await self._reader.readuntil(b"\r\n")).strip(), 16)
            self._body += (await self._reader.readexactly(size + 2))[:size]
            return size == 0
        left = int(self._headers["content-length"]) - len(self._body)
        self._body += await self._reader.readexactly(min(left, 1))
        return left <= 1


async def ask(url: str, key: str, text: str, **options: object) -> Seen:
    """One request from its beginning to its end. A refused connection is an answer too."""
    try:
        client = await Client.ask(url, key, text, **options)
    except OSError:
        return NOTHING
    return await client.answer()
