"""One HTTP exchange: the request that came in, and the answer going out.

All sending of the hot path is here.
"""

import asyncio
import contextlib
import math
import time
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID, uuid4

from gateway.core.errors import SHUTTING_DOWN, Refusal
from gateway.core.record import Record
from gateway.dialects import error_body
from gateway.dialects.family import Framing
from gateway.http.body import LITTLE, ClientGone, read_body
from gateway.http.body_budget import Lease
from gateway.http.rate_headers import rate_headers
from gateway.http.refusal_headers import refusal_headers, withdraw_cors
from gateway.stores import Verdict

STUCK = 60.0  # seconds in which a client that takes nothing holds up what it asked for
GIVE_WAY = 5.0  # the same while others wait for its slot
LAST_WORD = 1.0  # seconds for a client to make room for the error that ends its answer
JSON = b"application/json"
_WHOLE = [(b"cache-control", b"no-store")]
# nginx and what is built like it would hold a stream back until it is whole.
_STREAMED = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


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
        self.record: Record | None = scope.get("record")  # None: nobody wants to know
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        length = self.headers.get(b"content-length", b"")
        # bytes that the body will have; without end where it does not say
        self.declared = int(length[:20]) if length.isdigit() else math.inf
        self.started = time.monotonic()
        self._send, common = scope.get("direct") or (send, ())
        self.extra: list[tuple[bytes, bytes]] = list(common)
        self.dialect: Voice | None = None  # whose stream it answers with
        self.model = ""  # as the client named it
        self.head_sent = False
        self.ended = False  # the last byte is being sent, so no heartbeat may follow
        self.gone = False  # the client left
        self.last_sent = self.started
        self.received = 0  # bytes of the body
        self.not_a_user: Refusal | None = None  # why a log-in's token beside the key is not taken
        self.lease: Lease | None = None
        self._receive = receive
        self._connection: Any = scope.get("connection")  # see connection.py
        self._sending = False  # bytes are on their way that the client has not made room for
        self._stopped: Refusal | None = None  # why somebody else ended it
        self._task: asyncio.Task[None] | None = None
        self._beat: asyncio.Task[None] | None = None

    @property
    def _framing(self) -> Framing | None:
        return self.dialect.framing if self.dialect else None

    def refuse_method(self, *allowed: str) -> Refusal | None:
        """Why another method than the `allowed` ones is not served. OPTIONS, where it is named, is
        for who reads Allow: the middleware has answered it."""
        if self.method in allowed:
            return None
        told = ", ".join(allowed)
        self.extra.append((b"allow", told.encode()))
        return Refusal("method_not_allowed", told)

    @property
    def traceparent(self) -> str:
        """What tells the model server whose part its work is; empty: nobody traces it."""
        return self.record.traceparent if self.record is not None else ""

    @property
    def origin(self) -> str | None:
        value = self.headers.get(b"origin")
        return value.decode("latin-1") if value else None

    def is_large(self) -> bool:
        """Whether the body is more than a little, or does not say."""
        return self.declared > LITTLE

    @property
    def has_arrived(self) -> bool:
        """Whether the whole request is here, so that nobody can let us wait for it."""
        return self._connection is not None and not self._connection.in_body

    def trust(self) -> None:
        """It shows a key that exists."""
        if self._connection is not None:
            self._connection.trusted = True

    async def body(self, limit: int, lease: Lease | None = None) -> bytes | bytearray | Refusal:
        """The whole request body. `lease`: what it takes of the memory for bodies, until the
        exchange ends. Raises ClientGone."""
        if self.headers.get(b"content-encoding", b"identity").lower() not in {b"identity", b""}:
            return Refusal("unsupported_encoding")
        declared = self.declared
        if limit < declared < math.inf:
            return Refusal("request_too_large", str(limit))
        self.lease = lease
        if lease is not None and LITTLE < declared < math.inf:
            refusal = lease.hold(int(declared))
            if refusal is not None:
                return refusal
        return await read_body(self._receive, limit, lease, here=self.has_arrived)

    def watch(self) -> None:
        """From now on, a client that leaves cancels the task that serves it."""
        self._task = asyncio.current_task()
        self.scope["probe"] = self._probe
        if self._connection is not None:
            self._connection.buffer_more()
            self._connection.watch(self._left)

    async def end_if_left(self) -> None:
        """Nothing is begun for a client that left before it was watched: the task is cancelled
        here, not at its next wait, which may be for the model."""
        if self._connection is not None and self._connection.client_left:
            await asyncio.sleep(0)

    def _left(self) -> None:
        if not self.ended:
            self._give_up()

    def give_up_if_stuck(self, now: float, *, others_wait: bool = False) -> None:
        """A client that takes nothing of what is sent to it for so long is as good as gone.
        `others_wait`: for the slot that it holds up."""
        if self._sending and now - self.last_sent > (GIVE_WAY if others_wait else STUCK):
            self._give_up()

    def stop(self, refusal: Refusal) -> None:
        """End it from elsewhere: the task that serves it is cancelled, and the client told why."""
        if self._task is not None and not self.gone and self._stopped is None:
            self._stopped = refusal
            self._task.cancel()

    def _probe(self) -> None:
        """Send what shows whether the client is still there (half_closed.py)."""
        if self.head_sent:
            self.beat("working")

    def _give_up(self) -> None:
        if self._task is not None and not self.gone:
            self.gone = True
            self._task.cancel()

    def allow(self, verdict: Verdict) -> None:
        """Tell the client its limits with the answer."""
        self.extra += rate_headers(verdict)
        self.is_of(verdict.key_id, verdict.visitor.id if verdict.visitor else None)

    def is_of(self, key_id: UUID | None, visitor: UUID | None) -> None:
        """The store knows whose request it is."""
        if self.record is not None:
            self.record.key_id, self.record.visitor = key_id, visitor

    def mark(self, stage: str) -> None:
        """It has come so far."""
        if self.record is not None and self.record.stages is not None:
            self.record.stages.append((stage, time.time_ns()))

    def tell(self) -> None:
        """Tell those who listen of its end, which had to wait for the store's word."""
        if self.record is not None and self.record.waits:
            self.record.waits = False
            self.scope["listeners"].end(self.scope)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with an error in the caller's dialect, in the body if the head is gone already."""
        if self.model:
            refusal = refusal.about(self.model)
        if self.record is not None:
            self.record.refusal = refusal
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
        if self.record is not None:
            self.record.http_status = status
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
        between_events = not (self.ended or self._sending)
        self.ended = True
        if self.lease is not None:
            self.lease.give_back()
        if self._connection is not None:
            self._connection.unwatch(self._left)
        if self._beat and not self._beat.done():
            self._beat.cancel()
        self._beat = None
        if not isinstance(error, asyncio.CancelledError):
            return isinstance(error, ClientGone)
        if self.gone and self._task is not None:
            self._task.uncancel()  # by `_give_up`: the client left, and its cleaning up is done
            return True
        if self._stopped is not None and self._task is not None:
            self._task.uncancel()
        if between_events:  # else the server ends, and the time of its requests is over
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD):
                    await self.refuse(self._stopped or SHUTTING_DOWN)
                    return True
        return False  # Middleware cuts the connection
