"""One connection to a model server: one request after the other on it."""

import asyncio
import select
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import httptools

from gateway.backends.http1.problems import ReadError, ReadTimeout, TransportError
from gateway.backends.http1.response import Response

LONGEST_HEAD = 64 * 1024  # bytes; also of what else comes without any of a body, as trailers


class Silence(NamedTuple):
    """For how many seconds nothing need come: before the head, and between two bytes of a body."""

    head: float
    body: float


class Connection(asyncio.Protocol):
    """`idle` is called when it can take another request."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, idle: Callable[["Connection"], None]
    ) -> None:
        self.transport = cast(asyncio.Transport, None)  # until it is made
        self._loop = loop
        self._idle = idle
        self._response: Response | None = None  # the one that has not ended
        self._silence = Silence(0.0, 0.0)
        self._allowed = 0.0  # of both, the one that holds now
        self._heard = 0.0  # when something came, or was asked
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when it looks
        self._unsent = 0  # bytes of the request, when it was looked at last
        self._paused = False
        self._parts: list[bytes] = []  # of the body, in the bytes at hand
        self._begin_head()
        self._parser: Any = httptools.HttpResponseParser(self)

    def _begin_head(self) -> None:
        self._in_head = True
        self._bare = 0  # bytes in a row that held nothing of a body
        self._type = b""
        self._coding = b""
        self._has_end = False  # the head says where the body ends
        self._complete: int | None = None  # the parts of its body, once all of it is here
        self._usable = False  # for another request, behind that

    @property
    def on_body(self) -> Callable[[bytes], None]:
        """What the parser calls for each chunk: no method of ours, for there are many."""
        return self._parts.append

    # --- what is asked ---

    def send(self, request: bytes, silence: Silence) -> Response:
        """Send the bytes of a request, and wait for its response: `await response.head()`."""
        response = self._response = Response(self, self._loop)
        self._begin_head()
        self._silence = silence
        self._heard = self._loop.time()
        self.transport.write(request)
        self._unsent = self.transport.get_write_buffer_size()
        self._allow(silence.head)
        return response

    def idle_for(self) -> float:
        """Seconds since something came on it."""
        return self._loop.time() - self._heard

    def is_usable(self) -> bool:
        """Whether nothing waits to be read: what comes now is its end, or belongs to nothing. A
        busy loop has not looked lately."""
        if self.transport.is_closing():
            return False
        return not _can_be_read(self.transport.get_extra_info("socket").fileno())

    def pause(self) -> None:
        """Let the server wait: nobody reads."""
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self._heard = self._loop.time()
            self.transport.resume_reading()

    def leave(self, response: Response) -> None:
        """Nobody wants the rest of it."""
        if response is self._response:
            self._fail(ReadError("the response was closed"))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.transport.abort()

    # --- what comes ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # nobody asked
            self.close()
            return
        self._heard = self._loop.time()
        problem: TransportError | None = None
        self._bare += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as wrong:
            problem = ReadError(f"that is not HTTP: {wrong}")
        parts = self._parts
        if parts:
            self._bare = 0
            if self._complete is not None:
                del parts[self._complete :]  # what follows the end belongs to nothing
            if parts:
                response.feed(parts[0] if len(parts) == 1 else b"".join(parts))
                parts.clear()
        elif self._bare > LONGEST_HEAD:
            problem = problem or ReadError("a head or trailer does not end")
        if self._complete is not None:
            self._end(response, usable=self._usable and problem is None)
        elif problem is not None:
            self._fail(problem)

    def on_message_begin(self) -> None:
        if self._complete is not None:  # a second response, to nothing
            self._usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self._type = value
        elif name == b"content-encoding":
            self._coding = value.strip().lower()
        elif name == b"content-length":
            self._has_end = True
        elif name == b"transfer-encoding":  # any other ends with the connection
            self._has_end = value.rstrip().lower().endswith(b"chunked")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._complete is not None or self._response is None or status < 200:
            return
        self._in_head = False
        coded = self._coding not in {b"", b"identity"}
        self._response.begin(status, self._type.decode("latin-1"), coded=coded)
        if self._silence.body != self._silence.head:
            self._allow(self._silence.body)

    def on_message_complete(self) -> None:
        if self._in_head:  # of what came before the response, as 100 Continue
            self._type, self._coding, self._has_end = b"", b"", False
        elif self._complete is None:
            self._complete = len(self._parts)
            self._usable = self._parser.should_keep_alive()

    def eof_received(self) -> None:
        """Who sends no more may read no more either: the rest of a request would wait for ever."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        response, self._response = self._response, None
        if response is None:
            return
        if exc is None and not self._in_head and not self._has_end:
            response.end()  # its end is the connection's
        else:
            problem = ReadError(str(exc or "the connection was closed"))
            problem.__cause__ = exc
            response.end(problem)

    def _end(self, response: Response, *, usable: bool) -> None:
        self._response = None
        response.end()
        if usable and not self.transport.get_write_buffer_size():
            self.resume()
            self._idle(self)
        else:
            self.close()

    def _fail(self, problem: TransportError) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.end(problem)
        self.close()

    # --- how long it may be silent ---

    def _allow(self, seconds: float) -> None:
        """One timer for all requests of the connection: it looks how long nothing has come, so that
        nothing is set for each byte. It is set anew only where it would look too late."""
        self._allowed = seconds
        due = self._heard + seconds
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._look_in(seconds)

    def _look_in(self, seconds: float) -> None:
        self._due = self._loop.time() + seconds
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._response is None:
            return
        unsent = self.transport.get_write_buffer_size()
        if self._paused or unsent < self._unsent:  # we read no more, or it still takes the request
            self._unsent = unsent
            self._heard = self._loop.time()
        left = self._heard + self._allowed - self._loop.time()
        if left > 0:
            self._look_in(left)
        else:
            self._fail(ReadTimeout("no byte came for too long"))


def _can_be_read(descriptor: int) -> bool:
    """Without waiting."""
    if sys.platform == "win32":  # it has no other, and no limit to the number of a descriptor
        return bool(select.select([descriptor], [], [], 0)[0])
    looks = select.poll()
    looks.register(descriptor, select.POLLIN)
    return bool(looks.poll(0))
