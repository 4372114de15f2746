"""The model server: one place that knows where it is and how to ask it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

import aiohttp

from gateway.core.errors import Refusal

LINGER = 0.5  # seconds
MAX_BODY = 64 * 1024**2  # bytes of one whole answer
# An answer in one piece is silent until its end, so it has so many times the patience: ten minutes
# by default, as long as OpenAI's own clients wait.
WHOLE = 5
SOON = 10.0  # seconds for the whole answer to a short question, however it trickles

CUT = (aiohttp.ClientError, OSError)  # what reading an answer raises when it is cut
SILENT = aiohttp.SocketTimeoutError  # the one of them that means: no byte for too long

_NO_SUCH_ROUTE = (404, 405, 501)

# Ollama refuses a foreign Host or Origin; nothing of the client's headers is passed on (trap 9).
_HEADERS = {
    "Host": "localhost",
    "Content-Type": "application/json",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": "localllm",
}


class Target(NamedTuple):
    """Where requests go. `listed_only`: it would answer for any model name, so we check names."""

    base_url: str
    headers: Mapping[str, str] = _HEADERS
    listed_only: bool = False


class Answer:
    """An answer whose head has come. Close it in any case: that stops the model (trap 6)."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.content_type = response.headers.get("Content-Type", "")
        self.received = bytearray()  # of the whole body, also when it was cut
        self._response = response
        connection = response.connection  # None: all of it is here
        protocol = connection.protocol if connection is not None else None
        self._closed = protocol.closed if protocol is not None else None
        if self._closed is not None:
            self._closed.add_done_callback(self._cut_short)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives: each item is all that is there. Raises one of CUT."""
        return self._response.content.iter_any()

    async def body(self) -> bytes:
        async for part in self.chunks():
            self.received += part
            if len(self.received) > MAX_BODY:
                raise aiohttp.ClientPayloadError("the answer is too large")
        return bytes(self.received)

    async def to_its_end(self) -> None:
        """Wait a moment for the end of the body, so that the connection can be used again."""
        with contextlib.suppress(TimeoutError, *CUT):
            async with asyncio.timeout(LINGER):
                async for _ in self.chunks():
                    pass

    def close(self) -> None:
        if self._closed is not None:
            self._closed.remove_done_callback(self._cut_short)
            self._closed.remove_done_callback(_look_at)
            self._closed.add_done_callback(_look_at)
        self._response.close()

    def _cut_short(self, closed: asyncio.Future[None]) -> None:
        """aiohttp does not tell the reader when broken framing made it close the connection."""
        _look_at(closed)
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection is closed"))


def _look_at(closed: asyncio.Future[None]) -> None:
    """An idle connection that breaks is no news for the log, which is what unseen ones become."""
    if not closed.cancelled():
        closed.exception()


class BackendClient:
    """Asks the model server. What goes wrong before an answer begins is a `Refusal`.

    `answers` is False once nobody was there, until one answers; `changed` is called when it turns.
    """

    def __init__(self, target: Target, timeout: float) -> None:
        """`timeout`: seconds without a byte."""
        self.target = target
        self.answers = True
        self.changed: Callable[[], None] = _nothing
        self._patient = aiohttp.ClientTimeout(sock_connect=5.0, sock_read=timeout)
        self._whole = aiohttp.ClientTimeout(sock_connect=5.0, sock_read=timeout * WHOLE)
        self._quick = aiohttp.ClientTimeout(sock_connect=2.0, sock_read=5.0, total=SOON)
        self._session: aiohttp.ClientSession | None = None

    def point_to(
        self, base_url: str, headers: Mapping[str, str] | None = None, *, listed_only: bool = False
    ) -> None:
        """Send every request from now on elsewhere; running ones end where they began."""
        self.target = Target(base_url, {**_HEADERS, **(headers or {})}, listed_only)
        self.answers = True  # until it is known better

    async def post(self, path: str, body: bytes, *, whole: bool = False) -> Answer | Refusal:
        """`whole`: the answer comes in one piece."""
        return await self._send("POST", path, body, self._whole if whole else self._patient)

    async def read(self, method: str, path: str, body: bytes | None = None) -> bytes | Refusal:
        """A short question: the whole body of a 200, within seconds."""
        answer = await self._send(method, path, body, self._quick)
        if isinstance(answer, Refusal):
            return answer
        try:
            if answer.status in _NO_SUCH_ROUTE:
                return Refusal("not_found", f"There is no {path}.")
            if answer.status != 200:
                return Refusal("upstream_error", f"{path} answered {answer.status}.")
            return await answer.body()
        except CUT:
            return Refusal("upstream_unavailable", retry_after_ms=2000)
        finally:
            answer.close()

    async def _send(
        self, method: str, path: str, body: bytes | None, timeout: aiohttp.ClientTimeout
    ) -> Answer | Refusal:
        target = self.target
        self._session = self._session or _session()
        try:
            response = await self._session.request(
                method,
                target.base_url + path,
                headers=target.headers,
                data=body,
                allow_redirects=False,
                timeout=timeout,
            )
        except SILENT:
            if timeout is self._quick:  # a model may think for long; a list of models is there
                self._turn(False, target)
            return Refusal("upstream_timeout")
        except CUT:
            self._turn(False, target)
            return Refusal("upstream_unavailable", retry_after_ms=2000)
        if not self.answers:
            self._turn(True, target)
        return Answer(response)

    def _turn(self, answers: bool, target: Target) -> None:
        if answers is not self.answers and target is self.target:  # not one that it was before
            self.answers = answers
            self.changed()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _nothing() -> None:
    pass


def _session() -> aiohttp.ClientSession:
    # llama-server closes idle connections after 5 s, Ollama never does.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )
