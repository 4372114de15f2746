"""A router that can forget the connections to a database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit


class Router:
    """Stands between a store and the server, and can forget the connections it knows."""

    def __init__(self) -> None:
        self.pipes: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        for pipe in self.pipes:
            pipe.cancel()  # both ends stay open, and nothing comes through any more


@asynccontextmanager
async def routed(dsn: str) -> AsyncIterator[tuple[Router, str]]:
    """The same database, behind a router."""
    router = Router()
    parts = urlsplit(dsn)
    socket = parse_qs(parts.query)["host"][0] + "/.s.PGSQL.5432"
    writers: list[asyncio.StreamWriter] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(socket)
        writers.extend((writer, server_writer))
        for ends in ((reader, server_writer), (server_reader, writer)):
            router.pipes.add(asyncio.create_task(pipe(*ends)))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield router, f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
        finally:  # newer Pythons close a server only when its connections are closed
            for writer in writers:
                writer.close()
    await asyncio.gather(*router.pipes, return_exceptions=True)
