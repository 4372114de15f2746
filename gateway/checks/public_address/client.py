"""Short requests to the public address, as any program from outside would send them."""

import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.checks.finding import Finding
from gateway.checks.public_address import connection

PATIENCE = 5.0  # seconds for one request
LARGEST = 64 * 1024  # bytes that are read of an answer

Headers = dict[str, str]


class Answer(NamedTuple):
    """Names of headers in lower case. Of the body the beginning."""

    status: int
    headers: Headers
    body: bytes


class NoAnswer(Exception):
    """No whole answer came; the text says why."""


class PublicClient:
    """To one address, such as https://llm.example.com. First `reach`, then ask."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.name = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._session: aiohttp.ClientSession | None = None

    async def reach(self) -> Finding:
        """Look its name up, connect, and look at the certificate. Unless that failed, ask."""
        addresses = await connection.look_up(self.name, self._port)
        if isinstance(addresses, Finding):
            return addresses
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_Known(addresses), ssl=self._tls or True),
            headers={"User-Agent": "localllm doctor"},
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return await connection.connect(self.name, addresses, self._port, self._tls)

    async def request(self, method: str, path: str, headers: Headers | None = None) -> Answer:
        """The whole answer. Raises NoAnswer."""
        async with self.stream(method, path, headers) as answer:
            return Answer(answer.status, named(answer), await rest(answer))

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, headers: Headers | None = None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer as soon as its head is here. The path goes out as it is, and redirects are
        not followed. Raises NoAnswer."""
        assert self._session is not None
        url = URL(self.url + path, encoded=True)
        try:
            answer = await self._session.request(
                method, url, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise NoAnswer(why(problem)) from None
        try:
            yield answer
        finally:
            answer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()


class _Known(AbstractResolver):
    """The addresses are looked up once, so that each request asks the same place."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def named(answer: aiohttp.ClientResponse) -> Headers:
    return {name.lower(): value for name, value in answer.headers.items()}


async def rest(answer: aiohttp.ClientResponse) -> bytes:
    """What is still to come of it, up to LARGEST. Raises NoAnswer."""
    body = b""
    try:
        while len(body) < LARGEST and (part := await answer.content.read(LARGEST - len(body))):
            body += part
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        raise NoAnswer(why(problem)) from None
    return body


def why(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return f"no answer within {PATIENCE:g} s"
    return str(problem) or type(problem).__name__
