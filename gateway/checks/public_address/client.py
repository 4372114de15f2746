"""Short requests to the public address, as any program from outside would send them."""

import asyncio
import contextlib
import ssl
import zlib
from collections.abc import AsyncGenerator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import httpx

from gateway.checks.finding import Finding
from gateway.checks.public_address import connection
from gateway.core.read_at_most import read_at_most

PATIENCE = 5.0  # seconds for one request
LARGEST = 64 * 1024  # bytes that are read of an answer

Headers = dict[str, str]


class Answer(NamedTuple):
    """`headers`: names in lower case. `body`: its first LARGEST bytes."""

    status: int
    headers: Headers
    body: bytes


class NoAnswer(Exception):
    """No whole answer came; the text says why."""


class PublicClient:
    """Requests to one address, such as https://llm.example.com. `connect` comes first.

    All go to the IP address that answered then. No proxy is used and no cookie is kept.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.name = parts.hostname or ""
        self._scheme, self._host = parts.scheme, parts.netloc
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._client: httpx.AsyncClient | None = None

    async def connect(self) -> Finding:
        """Look the name up, connect once, and check the certificate. Unless that fails, requests
        can be made."""
        addresses = await connection.look_up(self.name, self._port)
        if isinstance(addresses, Finding):
            return addresses
        found, address = await connection.connect(self.name, addresses, self._port, self._tls)
        if not address:
            return found
        host = f"[{address}]" if ":" in address else address
        self._client = httpx.AsyncClient(
            base_url=f"{self._scheme}://{host}:{self._port}",
            headers={"Host": self._host, "User-Agent": "localllm doctor"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            verify=self._tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=PATIENCE,
            trust_env=False,
        )
        return found

    async def request(self, method: str, path: str, headers: Headers | None = None) -> Answer:
        """The whole answer. Raises NoAnswer."""
        async with self.stream(method, path, headers) as response:
            return await whole(response)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, headers: Headers | None = None
    ) -> AsyncGenerator[httpx.Response]:
        """The response, once its headers have arrived. The path is sent as it is, and redirects
        are not followed. Raises NoAnswer, also for what fails while the body is read."""
        assert self._client is not None
        extensions = {"target": path.encode(), "sni_hostname": self.name}
        packed = {
            "Accept-Encoding": "gzip",
            **(headers or {}),
        }  # as a browser would: see `unpacked`
        try:
            async with (
                asyncio.timeout(PATIENCE),
                self._client.stream(method, "/", headers=packed, extensions=extensions) as response,
            ):
                yield response
        except (TimeoutError, httpx.TimeoutException):
            raise NoAnswer(f"no answer within {PATIENCE:g} s") from None
        except (httpx.HTTPError, zlib.error) as problem:
            raise NoAnswer(str(problem) or type(problem).__name__) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.aclose()


async def whole(response: httpx.Response) -> Answer:
    body = bytearray()
    await read_at_most(LARGEST, unpacked(response), body)
    return Answer(response.status_code, dict(response.headers), bytes(body))


async def unpacked(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The parts of the body as they arrive. Of one that unpacks to more than LARGEST bytes, the
    beginning: enough to see that it is too long."""
    gzip = response.headers.get("content-encoding") == "gzip"
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if gzip else None
    async for part in response.aiter_raw():
        yield unpack.decompress(part, LARGEST + 1) if unpack else part
