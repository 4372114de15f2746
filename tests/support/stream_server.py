"""Servers within the tests' own process: they leave no socket open when they are closed.

asyncio takes a connection in two steps. Between the two, a server that is closed has no place for
it any more: its socket would be lost, and told of when it is collected, in a later test.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def accepted() -> None:
    """Returns when no connection is half taken. Close the server before anything is awaited."""
    while halfway := being_accepted():
        await asyncio.gather(*halfway, return_exceptions=True)


def being_accepted() -> list[asyncio.Task[Any]]:
    tasks = asyncio.all_tasks()
    name = "_accept_connection2"  # of asyncio's own task for each
    return [task for task in tasks if getattr(task.get_coro(), "__name__", "") == name]


class StreamServer:
    """Serves each connection in a task of its own. `port`: 0 for any, which is kept then."""

    def __init__(self, serve: Serve, port: int = 0) -> None:
        self.port = port
        self._serve = serve
        self._serving: dict[asyncio.WriteTransport, asyncio.Task[None]] = {}  # by connection

    async def start(self, tls: SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and drop every connection, as a killed server does."""
        await accepted()
        self._server.close()
        serving = dict(self._serving)
        for task in serving.values():
            task.cancel()
        await asyncio.gather(*serving.values(), return_exceptions=True)
        for connection in serving:
            connection.abort()
        self._serving.clear()  # a task that was cancelled before it began has not done so
        await asyncio.sleep(0)  # the connections end in the next turn of the loop

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving[writer.transport] = asyncio.create_task(self._one(reader, writer))

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has closed the connection
        finally:
            self._serving.pop(writer.transport, None)
            writer.close()


@asynccontextmanager
async def serving(serve: Serve, tls: SSLContext | None = None) -> AsyncIterator[int]:
    """The port of one that runs meanwhile, on the loop of who asks."""
    server = StreamServer(serve)
    await server.start(tls)
    try:
        yield server.port
    finally:
        await server.stop()
