"""A server that hears requests and answers with the bytes that a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.stream_server import Serve, serving

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class ByteServer:
    """Hears one request after the other; `serve` says what comes back."""

    url = ""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.takes_bodies = True  # or hears heads alone
        self.connections = 0
        self.ended = asyncio.Event()  # the other side has closed a connection
        self.serve: Serve = self.silence

    async def silence(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    def says(self, *parts: bytes, end: bool = True) -> None:
        """Answer each request with these bytes; `end`: and close, in the middle or not."""

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if end:
                writer.close()

        self.serve = serve

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if self.takes_bodies:
                    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    self.bodies.append(await reader.readexactly(int(length or 0)))
                await self.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            self.ended.set()


@asynccontextmanager
async def byte_server() -> AsyncIterator[ByteServer]:
    made = ByteServer()
    async with serving(made.accept) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made
