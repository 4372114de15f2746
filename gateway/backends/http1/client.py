"""Sends requests to model servers, on connections that are kept for the next one."""

import asyncio
import ssl
from collections.abc import Mapping
from socket import SOCK_STREAM
from typing import Any

import aiohappyeyeballs

from gateway.backends.http1.connection import Connection, Silence
from gateway.backends.http1.problems import ConnectError, ReadError
from gateway.backends.http1.request import Origin, head, read_url
from gateway.backends.http1.response import Response

_eyeballs: Any = aiohappyeyeballs  # its types are not complete
REMEMBERED = 10.0  # seconds that the addresses of a name are taken to be the same
NEXT_ADDRESS = 0.25  # seconds before another address of the same name is tried beside the first


class Http1Client:
    """As many connections as there are requests at once."""

    def __init__(self, *, keep_alive: float) -> None:
        """`keep_alive`: seconds that an idle connection is kept."""
        self._keep_alive = keep_alive
        self._idle: dict[Origin, list[Connection]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        self._tls: ssl.SSLContext | None = None  # once it is needed
        self._known: dict[Origin, tuple[float, list[Any]]] = {}  # addresses, and until when

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect: float,
        silence: Silence,
    ) -> Response:
        """Send it, and come back with the head of the response. Raises TransportError.

        `connect`: seconds to reach the server. `headers`: all but the length of the body."""
        origin, path = read_url(url)
        request = head(method, path, tuple(headers.items()), len(body)) + body
        connection = self._kept(origin)
        if connection is not None:
            try:
                return await _head_of(connection.send(request, silence))
            except ReadError:
                # It may have been closed while the request was on its way. Only a GET is repeated:
                # what else was sent may be under way there ("Sent again?" in pool.py).
                if method != "GET":
                    raise
        connection = await self._connect(origin, connect)
        return await _head_of(connection.send(request, silence))

    def _kept(self, origin: Origin) -> Connection | None:
        """The one that was used last, if it can be used again."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.idle_for() < self._keep_alive and connection.is_usable():
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin, seconds: float) -> Connection:
        loop = asyncio.get_running_loop()

        def keep(connection: Connection) -> None:
            if self._closed:
                connection.close()
                return
            self._idle.setdefault(origin, []).append(connection)
            if self._sweeping is None:
                self._sweeping = loop.call_later(self._keep_alive, self._sweep)

        try:
            async with asyncio.timeout(seconds):
                if origin.tls and self._tls is None:  # it reads the certificates of all authorities
                    self._tls = await asyncio.to_thread(ssl.create_default_context)
                socket = await _eyeballs.start_connection(
                    await self._addresses(origin), happy_eyeballs_delay=NEXT_ADDRESS, loop=loop
                )
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, keep),
                    sock=socket,
                    ssl=self._tls if origin.tls else None,
                    server_hostname=origin.host if origin.tls else None,
                )
        except (OSError, TimeoutError, UnicodeError) as problem:  # UnicodeError: no name of a host
            raise ConnectError(str(problem) or "it took too long") from problem
        return connection

    async def _addresses(self, origin: Origin) -> list[Any]:
        """Those of its name, remembered for a while: a crowd needs many connections."""
        loop = asyncio.get_running_loop()
        known = self._known.get(origin)
        if known is not None and known[0] > loop.time():
            return known[1]
        found = await loop.getaddrinfo(origin.host, origin.port, type=SOCK_STREAM)
        self._known[origin] = loop.time() + REMEMBERED, found
        return found

    def _sweep(self) -> None:
        """Close what was idle for too long."""
        self._sweeping = None
        for origin, idle in list(self._idle.items()):
            kept: list[Connection] = []
            for connection in idle:
                if connection.idle_for() < self._keep_alive:
                    kept.append(connection)
                else:
                    connection.close()
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]
        if self._idle:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(self._keep_alive, self._sweep)

    def close(self) -> None:
        """Close the connections that are idle, and others when their response has ended."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()


async def _head_of(response: Response) -> Response:
    try:
        await response.head()
    except BaseException:
        response.close()
        raise
    return response
