"""One connection between and behind its requests: how long it waits, and how it ends.

**An early answer** is given before the body of its request has come, as a refusal is. What still
comes is thrown away for a moment, since closing at once would reset the connection, and the client
might not read the answer. A small body may end meanwhile; then the connection serves on. Before a
large one the answer says `Connection: close`.

**A half-closed connection** is one whose client will send no more, and may wait for its answer.

**Nobody reads.** What was answered stays in memory until it is taken. A connection whose client
takes nothing of it is cut (connections.py bounds the sum).
"""

import logging
import math
from collections.abc import Callable
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.core.repeated_log import RepeatedLog
from gateway.http.body import LITTLE
from gateway.http.connections import Connections
from gateway.http.exchange import STUCK
from gateway.http.half_closed import PROBE, look_for_reset

LINGER = 2.0  # seconds for a client to read an early answer
MOST_DISCARDED = 32 * 1024**2  # bytes that are thrown away meanwhile
MOST_BUFFERED = 1024**2  # bytes of an answer that wait for its client, before the model does
_no_http = RepeatedLog(logging.getLogger("localllm.http"), logging.WARNING)


class Connection(HttpToolsProtocol):
    """`trusted`: a key that exists was shown on it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.until = math.inf  # when its time is over, while it waits
        self.trusted = False
        self.in_body = False  # the message that is being read has not ended
        self._serving: RequestResponseCycle | None = None  # the one that is being answered
        self._all = Connections.of(self.server_state)
        self._held_back = False  # keeping the connection, until the body has ended
        self._discards = False  # nothing that comes is read any more
        self._discarded = 0  # bytes
        self._half_closed = False
        self._when_gone: Callable[[], None] | None = None
        self._unsent = 0  # bytes, when it was looked at last

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # Proxies open some ahead, and keep them as long as those that they have used.
        self.wait_for_request()
        self._all.made(self, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.lost(self)
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        self.pipeline.clear()
        self.abandon()
        super().connection_lost(exc)

    def abandon(self) -> None:
        """Nobody will get the answer that is being made."""
        if self._serving is not None and not self._serving.response_complete:
            self._serving.disconnected = True
            self._serving.message_event.set()
            if self._when_gone is not None:
                self.loop.call_soon(self._when_gone)

    def watch(self, when_gone: Callable[[], None]) -> None:
        """Call this once the client of the request that is being served has left. A task that waits
        for ASGI's disconnect would do, at ten times the cost."""
        self._when_gone = when_gone
        self.read_on()
        if self.client_left:
            self.loop.call_soon(when_gone)

    @property
    def is_answering(self) -> bool:
        """Whether a request has not been answered to its end."""
        return self._serving is not None and not self._serving.response_complete

    @property
    def in_answer(self) -> bool:
        """Whether an answer has begun, and not ended."""
        return self.is_answering and cast(RequestResponseCycle, self._serving).response_started

    @property
    def client_left(self) -> bool:
        """Whether the client of the request that is being served has left."""
        return self._serving is not None and self._serving.disconnected

    def read_on(self) -> None:
        """Though another request waits behind the one that is watched: else nobody would notice
        that the client leaves."""
        if self._when_gone is not None:
            self.flow.resume_reading()

    def unwatch(self, when_gone: Callable[[], None]) -> None:
        """Do not. The next request on the connection may be watched already."""
        if self._when_gone == when_gone:
            self._when_gone = None

    def wait(self, seconds: float) -> None:
        """It serves nothing: end it after that time, if nothing happens."""
        self.until = self.loop.time() + seconds
        self._all.waits(self)

    def wait_for_request(self) -> None:
        """The next one may come as long as clients keep connections."""
        self.wait(self.timeout_keep_alive)

    def serve(self) -> None:
        """A request is here: it has all the time that its parts have."""
        self.until = math.inf
        self._all.serves(self)

    def data_received(self, data: bytes) -> None:
        if not self._discards:
            self._parse(data)
            return
        self._discarded += len(data)
        if self._discarded > MOST_DISCARDED:
            self.transport.pause_reading()

    def _parse(self, data: bytes) -> None:
        """In place of uvicorn's, which would write a line for each stranger who speaks no HTTP, and
        so let them fill the log."""
        try:
            cast(httptools.HttpRequestParser, self.parser).feed_data(data)
        except httptools.HttpParserError:
            _no_http("a client sent what is no HTTP request")
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.in_body = False
        if self._held_back and not self.cycle.response_started:
            self.cycle.keep_alive = True
        self._held_back = False
        if self.cycle.response_complete and not self._discards:
            self.wait_for_request()

    def expect_more(self, declared: int | None) -> None:
        """The body is not whole yet. An answer before its end closes the connection, unless little
        is missing. `declared`: bytes; None: it does not say."""
        if (declared is None or declared > LITTLE) and self.cycle.keep_alive:
            self._held_back = True
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        self._held_back = False
        super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._serving = cycle
        self._when_gone = None
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """In place of uvicorn's, which would start a timer for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing() or self._discards:
            return
        self.flow.resume_reading()
        if self.unsent() > LITTLE:
            self._all.leaves_unread(self)
        if self.pipeline and self.unsent() > LITTLE:  # it asks for more than it reads
            self.pipeline.clear()
            self.end(unread=True)
        elif self.in_body and self.cycle.response_complete:
            self.wait(LINGER)
        elif self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._half_closed:
            self.end()
        else:
            self.wait_for_request()

    def end(self, *, unread: bool = False) -> None:
        """Close it behind what was sent, with time for its client to read that. `unread`: more may
        come, and nobody knows where it ends."""
        unsent = self.unsent()
        if not unsent and not self.in_body and not unread:
            self.transport.close()
        elif not self._discards and not self.transport.is_closing():
            self._discards = True
            self.flow.resume_reading()
            self.wait(STUCK if unsent else LINGER)
            if self.transport.can_write_eof():
                self.transport.write_eof()

    def expire(self) -> None:
        unsent, before = self.unsent(), self._unsent
        if not unsent:
            self.transport.close()
        elif before and unsent >= before:
            self.drop()
        else:  # it is being read, or was not looked at before
            self._unsent = unsent
            self.until = self.loop.time() + STUCK

    def drop(self) -> None:
        self.transport.abort()

    def cut(self) -> None:
        """What is being answered ends here: not as a whole answer, and not as a failure."""
        self.abandon()
        self.drop()

    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def buffer_more(self) -> None:
        """From now on the answer is taken from the model up to MOST_BUFFERED ahead of a client that
        reads slowly: a short one is finished, and its place is free for others."""
        if not self.transport.is_closing():
            self.transport.set_write_buffer_limits(high=MOST_BUFFERED)

    def eof_received(self) -> bool | None:  # type: ignore[override] # uvicorn's closes always
        """The client sends no more. False: close it; there is nothing to answer."""
        cycle = self._serving
        if cycle is None or cycle.response_complete or self.in_body or self._discards:
            return False
        begun = cycle.response_started
        if not begun and cycle.scope["http_version"] == "1.0":  # it knows no other way to leave
            return False
        self._half_closed = True
        if not begun:
            self.transport.write(PROBE)
        elif (probe := cast(Any, cycle.scope).get("probe")) is not None:
            probe()
        look_for_reset(self.transport, self.loop, self.drop)
        return True
