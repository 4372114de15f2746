"""The model server: one place that knows where it is and how to ask it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from gateway.backends.http1 import (
    Http1Client,
    ReadError,
    ReadTimeout,
    Response,
    Silence,
    TransportError,
)
from gateway.backends.patience import Loading, Patience
from gateway.core.errors import Refusal
from gateway.core.read_at_most import read_at_most

AWAIT_END = 0.5  # seconds for the end of a body, so that its connection can be used again
LONGEST_LOAD = 900.0  # seconds that a model may take to be loaded
MAX_BODY = 64 * 1024**2  # bytes of one whole answer
# An answer in one piece is silent until its end, so it has so many times the patience: ten minutes
# by default, as long as OpenAI's own clients wait.
WHOLE_PATIENCE = 5
SOON = 10.0  # seconds for the whole answer to a short call, however it trickles
KEEP_ALIVE = 4.0  # seconds; llama-server closes idle connections after 5, Ollama never does

_NO_SUCH_ROUTE = (404, 405, 501)

# Ollama refuses a foreign Host or Origin; nothing of the client's headers is passed on.
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


class Timeouts(NamedTuple):
    """How many seconds a request waits for a connection, for the head, and for the next byte."""

    connect: float
    silence: Silence


class ModelResponse:
    """The model server's response, whose head has come. Close it in any case: that stops the model.

    Reading the body raises ReadTimeout where no byte came for too long, and ReadError where it was
    cut.
    """

    def __init__(self, response: Response, *, demo: bool = False) -> None:
        """`demo`: the built-in demo model says it."""
        self.demo = demo
        self.status = response.status
        self.content_type = response.content_type
        self.coded = response.coded  # nobody can read it
        self.received = bytearray()  # of the whole body, also when it was cut
        self._response = response

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives: each item is all that is there."""
        return aiter(self._response)

    async def body(self) -> bytes:
        if not await read_at_most(MAX_BODY, self.chunks(), self.received):
            raise ReadError("the body is too large")
        return bytes(self.received)

    async def to_its_end(self) -> None:
        """Wait a moment for the end of the body, so that the connection can be used again."""
        with contextlib.suppress(TimeoutError, TransportError):
            async with asyncio.timeout(AWAIT_END):
                async for _ in self.chunks():
                    pass

    def close(self) -> None:
        """At once: a caller that was cancelled could not wait."""
        self._response.close()


class BackendClient:
    """Asks the model server. What goes wrong before an answer begins is a `Refusal`.

    `is_up` is False once nobody was there, until one answers; `changed` is called when it changes.
    """

    def __init__(
        self, target: Target, timeout: float, transport: Http1Client | None = None
    ) -> None:
        """`timeout`: seconds without a byte."""
        self.target = target
        self.is_up = True
        self.changed: Callable[[], None] = _nothing
        self._patient = _within(5.0, timeout)
        self._whole = _within(5.0, timeout * WHOLE_PATIENCE)
        self._quick = _within(2.0, 5.0)
        self._transport = transport or Http1Client(keep_alive=KEEP_ALIVE)

    def point_to(
        self, base_url: str, headers: Mapping[str, str] | None = None, *, listed_only: bool = False
    ) -> None:
        """Send every request from now on elsewhere; running ones end where they began."""
        others = {name.title(): value for name, value in (headers or {}).items()}
        self.target = Target(base_url, _HEADERS | others, listed_only)
        self.is_up = True  # until it is known better

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        whole: bool = False,
        loading: Loading | None = None,
        trace: str = "",
    ) -> ModelResponse | Refusal:
        """`whole`: the answer comes in one piece. `loading`: for a model that may not be in
        memory; asked when the answer is late, whether that is because it is still being loaded.
        `trace`: the header traceparent; empty: none."""
        timeouts = self._whole if whole else self._patient
        if loading is None:
            return await self._send("POST", path, body, timeouts, trace)
        try:
            async with asyncio.timeout(None) as limit:
                with Patience(limit, timeouts.silence.body, loading):
                    silence = timeouts.silence._replace(head=LONGEST_LOAD)
                    longer = timeouts._replace(silence=silence)
                    return await self._send("POST", path, body, longer, trace)
        except TimeoutError:
            return Refusal("upstream_timeout")

    async def read(
        self, method: str, path: str, body: bytes = b"", *, marks_down: bool = True
    ) -> bytes | Refusal:
        """A short call: the whole body of a 200, within seconds. `marks_down`: a server
        that takes longer is taken for one that is down."""
        target, response = self.target, None
        try:
            async with asyncio.timeout(SOON):
                response = await self._send(method, path, body, self._quick)
                if not isinstance(response, Refusal):
                    return await _read(response, path)
                # A model may think for long; a list of models is there.
                if marks_down and response.reason == "upstream_timeout":
                    self._mark(False, target)
                return response
        except (TimeoutError, TransportError):
            if response is None and marks_down:  # no head in all that time: an endless name lookup
                self._mark(False, target)
            return Refusal("upstream_unavailable", retry_after_ms=2000)

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes,
        timeouts: Timeouts,
        trace: str = "",
    ) -> ModelResponse | Refusal:
        target = self.target
        headers = {**target.headers, "Traceparent": trace} if trace else target.headers
        try:
            response = await self._transport.send(
                method,
                target.base_url + path,
                headers,
                body,
                connect=timeouts.connect,
                silence=timeouts.silence,
            )
        except ReadTimeout:
            return Refusal("upstream_timeout")
        except (TransportError, ValueError):  # ValueError: the address is none
            self._mark(False, target)
            return Refusal("upstream_unavailable", retry_after_ms=2000)
        if not self.is_up:
            self._mark(True, target)
        return ModelResponse(response, demo=target.listed_only)

    def _mark(self, up: bool, target: Target) -> None:
        if up is not self.is_up and target is self.target:  # not one that it was before
            self.is_up = up
            self.changed()

    def close(self) -> None:
        self._transport.close()


async def _read(response: ModelResponse, path: str) -> bytes | Refusal:
    try:
        if response.status in _NO_SUCH_ROUTE:
            return Refusal("not_found", f"There is no {path}.")
        if response.status != 200:
            return Refusal("upstream_error", f"{path} answered {response.status}.")
        return await response.body()
    finally:
        response.close()


def _nothing() -> None:
    pass


def _within(connect: float, read: float) -> Timeouts:
    return Timeouts(connect, Silence(read, read))
