"""httpx over aiohttp: httpx's types and time-outs at a tenth of the CPU that httpcore takes.

It stands on the way of every request, so what is the same for many requests is made once. The
package httpx-aiohttp takes twice as long to bridge the two, names a connection that broke a
time-out, and waits for ever for the rest of a body whose framing broke.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from functools import lru_cache
from typing import cast

import aiohttp
import httpx


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Takes requests whose body is in memory. Bodies come as they are sent, nothing is unpacked.

    What goes wrong is an `httpx.TransportError`, also while a body is read; its cause is aiohttp's
    exception, which says more.
    """

    def __init__(
        self,
        *,
        keep_alive: float,
        connections: int = 0,
        tls: ssl.SSLContext | bool = True,
        proxy: str | None = None,
    ) -> None:
        """`keep_alive`: seconds that an idle connection is kept. `connections`: at most so many at
        once; 0: as many as there are requests. `tls`: True trusts what the system trusts.
        `proxy`: the URL of one, where all go through it; it may hold a user name and password."""
        self._keep_alive, self._connections, self._tls = keep_alive, connections, tls
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, and come back with the head. Redirects are not followed, cookies not kept."""
        self._session = self._session or self._open()
        limits = request.extensions.get("timeout", {})
        try:
            response = await self._session.request(
                request.method,
                str(request.url),
                headers=_decoded(tuple(request.headers.raw)),
                data=b"".join(cast(Iterable[bytes], request.stream)) or None,
                allow_redirects=False,
                timeout=_timeout(limits.get("pool"), limits.get("connect"), limits.get("read")),
            )
        except (aiohttp.ClientError, OSError) as problem:
            raise _named(problem) from problem
        made = httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            request=request,
        )
        made.headers.encoding = "latin-1"  # or it would look for one that fits all of them
        return made

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:  # in the loop that will use it
        connector = aiohttp.TCPConnector(
            limit=self._connections, keepalive_timeout=self._keep_alive, ssl=self._tls
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            proxy=self._proxy,
            trust_env=False,
        )


class _Body(httpx.AsyncByteStream):
    """A body as it arrives: each item is all that is there.

    An iterator and no generator, which would cost as much again for each chunk.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        connection = response.connection  # None: all of it is here
        protocol = connection.protocol if connection is not None else None
        self._closed = protocol.closed if protocol is not None else None
        if self._closed is not None:
            self._closed.add_done_callback(self._cut_short)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._content.readany()
        except (aiohttp.ClientError, OSError) as problem:
            raise _named(problem) from problem
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection at once, unless all of the body is here."""
        if self._closed is not None:
            self._closed.remove_done_callback(self._cut_short)
            self._closed.remove_done_callback(_look_at)
            self._closed.add_done_callback(_look_at)
        self._response.close()

    def _cut_short(self, closed: asyncio.Future[None]) -> None:
        """aiohttp does not tell the reader when broken framing made it close the connection."""
        _look_at(closed)
        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError("the connection is closed"))


def _look_at(closed: asyncio.Future[None]) -> None:
    """An idle connection that breaks is no news for the log, which is what unseen ones become."""
    if not closed.cancelled():
        closed.exception()


@lru_cache(maxsize=64)
def _decoded(raw: tuple[tuple[bytes, bytes], ...]) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in raw]


@lru_cache(maxsize=64)
def _timeout(
    pool: float | None, connect: float | None, read: float | None
) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=pool, sock_connect=connect, sock_read=read)


def _named(problem: Exception) -> httpx.TransportError:
    match problem:
        case aiohttp.SocketTimeoutError():
            return httpx.ReadTimeout(str(problem))
        case aiohttp.ServerTimeoutError():
            return httpx.ConnectTimeout(str(problem))
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return httpx.ProxyError(str(problem))
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(str(problem))
        case _:
            return httpx.ReadError(str(problem))
