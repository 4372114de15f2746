"""One HTTP exchange: the request that came in, and the answer going out.

All sending of the hot path is here.
"""

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID, uuid4

from gateway.core.errors import Refusal
from gateway.dialects import error_body
from gateway.dialects.family import Framing
from gateway.http.rate_headers import rate_headers
from gateway.http.refusal_headers import refusal_headers, withdraw_cors
from gateway.stores import Verdict

BODY_TIMEOUT = 120.0  # seconds for the whole of a request body
LITTLE = 64 * 1024  # bytes
STUCK = 60.0  # seconds in which a client that takes nothing holds up what it asked for
JSON = b"application/json"
_WHOLE = [(b"cache-control", b"no-store")]
# nginx and what is built like it would hold a stream back until it is whole.
_STREAMED = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Voice(Protocol):
    """How the events of a stream are framed, and which one ends a stream that failed."""

    @property
    def framing(self) -> Framing | None: ...

    def error_event(self, error: bytes, /) -> bytes: ...


class Exchange:
    """Headers are read once, names in lower case. `extra` is sent with every answer.

    Use it as a context manager around everything that serves the request: a client that leaves is
    no failure, and nothing watches the connection or sends a heartbeat after the end.
    """

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        self.id: UUID = scope.get("request_id") or uuid4()
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.started = time.monotonic()
        self._send, common = scope.get("direct") or (send, ())
        self.extra: list[tuple[bytes, bytes]] = list(common)
        self.dialect: Voice | None = None  # whose stream it answers with
        self.model = ""  # as the client named it
        self.head_sent = False
        self.ended = False  # the last byte is being sent, so no heartbeat may follow
        self.gone = False  # the client left
        self.last_sent = self.started
        self._receive = receive
        self._sending = False  # bytes are on their way that the client has not made room for
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._beat: asyncio.Task[None] | None = None

    @property
    def _framing(self) -> Framing | None:
        return self.dialect.framing if self.dialect else None

    def refuse_method(self, allowed: str) -> Refusal | None:
        """Why another method than the `allowed` one is not served."""
        if self.method == allowed:
            return None
        self.extra.append((b"allow", allowed.encode()))
        return Refusal("method_not_allowed", allowed)

    @property
    def origin(self) -> str | None:
        value = self.headers.get(b"origin")
        return value.decode("latin-1") if value else None

    def is_large(self) -> bool:
        """Whether the body is more than a little, or does not say."""
        declared = self.headers.get(b"content-length", b"")
        return not declared.isdigit() or int(declared[:20]) > LITTLE

    async def body(self, limit: int) -> bytes | bytearray | Refusal:
        """The whole request body. Raises ClientGone."""
        if self.headers.get(b"content-encoding", b"identity").lower() not in {b"identity", b""}:
            return Refusal("unsupported_encoding")
        declared = self.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:20]) > limit:
            return Refusal("request_too_large", str(limit))
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                return await self._read(limit)
        except TimeoutError:
            return Refusal("request_timeout")

    async def _read(self, limit: int) -> bytes | bytearray | Refusal:
        whole = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part, more = message.get("body", b""), message.get("more_body", False)
            if len(whole) + len(part) > limit:
                return Refusal("request_too_large", str(limit))
            if not whole and not more:
                return part
            whole += part
            if not more:
                return whole

    def watch(self) -> None:
        """From now on, a client that leaves cancels the task that serves it."""
        self._task = asyncio.current_task()

        async def wait() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            if not self.ended:
                self._give_up()

        self._watch = asyncio.create_task(wait())

    def check(self, now: float) -> None:
        """A client that takes nothing of what is sent to it for so long is as good as gone."""
        if self._sending and now - self.last_sent > STUCK:
            self._give_up()

    def _give_up(self) -> None:
        if self._task is not None and not self.gone:
            self.gone = True
            self._task.cancel()

    def allow(self, verdict: Verdict) -> None:
        """Tell the client its limits with the answer."""
        self.extra += rate_headers(verdict)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with an error in the caller's dialect, in the body if the head is gone already."""
        if self.model:
            refusal = refusal.about(self.model)
        body = error_body(self.path, refusal, str(self.id))
        if self.head_sent:
            await self.end(self.dialect.error_event(body) if self.dialect else body)
            return
        withdraw_cors(self.extra, refusal)
        self.extra += refusal_headers(refusal)
        await self.whole(refusal.kind.status, body)

    async def whole(self, status: int, body: bytes, content_type: bytes = JSON) -> None:
        """A complete answer in one piece; the rest of one whose head is out already."""
        self.ended = True
        if not self.head_sent:
            await self._head(status, content_type, len(body))
        await self.end(body)

    async def open(self) -> None:
        """Commit to a 200 of unknown length."""
        if not self.head_sent:
            await self._head(200, self._framing.media if self._framing else JSON, None)

    async def write(self, body: bytes) -> None:
        """Whole events only: a heartbeat may come between two calls."""
        if not self.head_sent:
            await self.open()
        self.last_sent = time.monotonic()
        self._sending = True
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        self._sending = False

    async def end(self, body: bytes = b"") -> None:
        self.ended = True
        if self._beat and not self._beat.done():
            await self._beat
        self.last_sent = time.monotonic()
        self._sending = True
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
        self._sending = False

    async def _head(self, status: int, content_type: bytes, length: int | None) -> None:
        headers = [(b"content-type", content_type), *self.extra]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        streams = self._framing is not None and length is None
        headers += _STREAMED if streams else _WHOLE
        self.head_sent = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def beat(self, note: str) -> None:
        """A sign of life that parsers ignore: an SSE comment, or white space before the JSON."""
        if self.ended or self.gone or self._sending or (self._beat and not self._beat.done()):
            return
        self._beat = asyncio.create_task(self._send_beat(note))

    async def _send_beat(self, note: str) -> None:
        if self.ended:
            return
        with contextlib.suppress(OSError):
            heartbeat = self._framing.heartbeat if self._framing else b" "
            await self.write(heartbeat % note.encode() if b"%s" in heartbeat else heartbeat)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.ended = True
        for task in (self._watch, self._beat):
            if task and not task.done():
                task.cancel()
        if isinstance(error, asyncio.CancelledError) and self.gone and self._task is not None:
            self._task.uncancel()  # by `watch`: the client left, and its cleaning up is done
            return True
        return isinstance(error, ClientGone)
