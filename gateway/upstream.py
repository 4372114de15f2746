"""The model server: one place that knows where it is and how to ask it."""

from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from gateway.errors import Refusal

MAX_BODY = 64 * 1024**2  # bytes of one whole answer

# Ollama refuses a foreign Host or Origin; nothing of the client's headers is passed on (trap 9).
_HEADERS = httpx.Headers(
    {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": "localllm",
    }
)


class Target(NamedTuple):
    """Where requests go. `listed_only`: it would answer for any model name, so we check names."""

    base_url: str
    headers: tuple[tuple[str, str], ...] = ()
    listed_only: bool = False

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self.headers]


class Answer:
    """An answer whose head has come. Close it in any case: that stops the model (trap 6)."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.content_type = response.headers.get("content-type", "")
        self._response = response

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises httpx.HTTPError when it is cut."""
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        return stream.__aiter__()

    async def body(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in self.chunks():
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise httpx.ReadError("the answer is too large")
        return b"".join(parts)

    async def close(self) -> None:
        await self._response.aclose()


class Upstream:
    """Asks the model server. What goes wrong before an answer begins is a `Refusal`."""

    def __init__(self, target: Target, timeout: float) -> None:
        """`timeout`: seconds without a byte."""
        self.target = target
        self._extensions = {"timeout": {"connect": 5.0, "read": timeout, "pool": None}}
        self._quick = {"timeout": {"connect": 2.0, "read": 5.0, "pool": None}}
        self._transport = AiohttpTransport(client=_session)

    def point_to(
        self, base_url: str, headers: Mapping[str, str] | None = None, *, listed_only: bool = False
    ) -> None:
        """Send every request from now on elsewhere; running ones end where they began."""
        self.target = Target(base_url, tuple((headers or {}).items()), listed_only)

    async def post(self, path: str, body: bytes) -> Answer | Refusal:
        return await self._send("POST", path, body, self._extensions)

    async def read(self, method: str, path: str, body: bytes | None = None) -> bytes | Refusal:
        """A short question: the whole body of a 200, within seconds."""
        answer = await self._send(method, path, body, self._quick)
        if isinstance(answer, Refusal):
            return answer
        try:
            if answer.status != 200:
                return Refusal("upstream_error", f"{path} answered {answer.status}.")
            return await answer.body()
        except (httpx.HTTPError, aiohttp.ClientError, OSError):
            return Refusal("upstream_unavailable", retry_after_ms=2000)
        finally:
            await answer.close()

    async def _send(
        self, method: str, path: str, body: bytes | None, extensions: dict[str, Any]
    ) -> Answer | Refusal:
        target = self.target
        request = httpx.Request(
            method,
            _url(target.base_url + path),
            headers=[*_HEADERS.raw, *target.raw_headers],
            content=body,
            extensions=extensions,
        )
        try:
            # The transport itself, not a client around it: half the CPU (facts/performance.md).
            return Answer(await self._transport.handle_async_request(request))
        except httpx.ReadTimeout:
            return Refusal("upstream_timeout")
        except (httpx.HTTPError, aiohttp.ClientError, OSError):
            return Refusal("upstream_unavailable", retry_after_ms=2000)

    async def close(self) -> None:
        await self._transport.aclose()


@lru_cache(64)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)


def _session() -> aiohttp.ClientSession:
    # llama-server closes idle connections after 5 s, Ollama never does.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(),
        trust_env=False,
    )
