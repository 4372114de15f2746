"""An ASGI application on a loopback port, served by uvicorn on a thread with a loop of its own."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

PATIENCE = 60.0  # seconds after which something did not happen
KEEP_ALIVE = 400  # as long as Cloudflare, which stands before every project, keeps a connection

BACKLOG = 2048  # hundreds of clients may connect at the same moment


class Protocol(HttpToolsProtocol):
    """Gives the application its connection, so that it can cut it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["transport"] = self.transport


class Server:
    """Made once; started and stopped often, and always on the same port."""

    def __init__(self, app: Any) -> None:
        # Bound but not listening: whoever connects is refused, and nobody else gets the port.
        self._reserved = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self._loop = uvloop.new_event_loop()
        self._listening: asyncio.Server | None = None
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._config.load()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def start(self) -> None:
        self.run(self._listen())

    def stop(self) -> None:
        """Cut every connection, and cancel what was being done for it."""
        self.run(self._cut())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    def call_soon(self, work: Callable[[], None]) -> None:
        """Do this on the server's thread, whenever it comes to it."""
        self._loop.call_soon_threadsafe(work)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this on the server's thread, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _listen(self) -> None:
        self._listening = await self._loop.create_server(
            self._protocol, sock=_bound(self.port), backlog=BACKLOG
        )

    async def _cut(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for connection in list(self._state.connections):
            connection.transport.abort()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _protocol(self) -> Protocol:
        return Protocol(self._config, self._state, {}, self._loop)


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
