"""uvicorn's HTTP protocol, with what it lets through or leaves open put right.

A head is bounded before its request is known, refusals are worded as ours, an answer to HTTP/1.0
has no chunks, and no connection is upgraded. How a connection waits and ends is in connection.py.
"""

import re
from typing import Any, cast
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.core.errors import Refusal
from gateway.dialects import error_body
from gateway.http.connection import Connection
from gateway.http.head_with_body import HeadWithBody
from gateway.http.middleware import MAX_HEADERS, MOST_LINES

HEAD_SECONDS = 10.0  # for a connection to say what it wants, once it has begun to
MOST_PIPELINED = 4  # requests that wait for the one before; each takes a hundred times its bytes
_MAX_HEAD = 2 * MAX_HEADERS  # bytes of request line and headers; below it middleware refuses
_A_LINE = 150  # bytes that a header takes beside its own
# Java's client asks for HTTP/2 in this way on each first request. The parser would then take the
# body for another protocol; under a name that it does not know the wish is passed over. The name is
# as long: a body in the same bytes keeps its length, or its end would begin the next request.
_UPGRADE = re.compile(rb"(?<=\r\n)upgrade(?=[ \t]*:)", re.IGNORECASE)
_PASSED_OVER = b"x-grade"
_BLANKS = b" \t"  # no part of a header's value; the parser leaves those that stand behind it


class TooManyPipelined(Exception):
    """More requests than clients send ahead."""


class BoundedHttp(Connection):
    """One connection."""

    url = b""  # of the request that is read, as far as it came
    _head = 0  # bytes since the message began
    _held = 0  # and at most so many are kept of it
    _in_head = True
    _ended = False  # a message, within the bytes at hand: the next head began somewhere in them
    _looked = False  # whether the body that is being read may take long
    _bare = 0  # bytes in a row that held nothing of it

    def data_received(self, data: bytes) -> None:
        if not self.in_body and b"pgrade" in data:
            data = _UPGRADE.sub(_PASSED_OVER, data)
        self._ended = False
        self._bare += len(data)
        super().data_received(data)
        if self._over():
            return
        if self.in_body:
            # The parser gathers a trailer, in a time that grows with the square of its length.
            if self._bare > _MAX_HEAD:
                self._refuse(Refusal("headers_too_large"))
            elif not self._looked:
                self._looked = True
                self.expect_more(_declared(self.headers))
        elif self._in_head:
            begins = not self._head
            self._head += 1 if self._ended else len(data)
            self._held += len(data)
            if self._head > _MAX_HEAD:
                self._refuse(Refusal("headers_too_large"))
            elif not self.is_answering:
                if begins:
                    self.wait(HEAD_SECONDS)
                self._count_head()

    def wait_for_request(self) -> None:
        if self._in_head and self._head:  # it began during the answer before
            self.wait(HEAD_SECONDS)
            self._count_head()
        else:
            super().wait_for_request()

    def _count_head(self) -> None:
        lines = len(self.headers or ())  # None: empty lines are all that came
        self._all.holds_head(self, self._held + _A_LINE * lines)

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after the body is no header, and could be endless. A line takes many times its
        # bytes: of those that are too many, one is kept, by which middleware knows.
        if self._in_head and len(self.headers) <= MOST_LINES:
            super().on_header(name, value.rstrip(_BLANKS))

    def expire(self) -> None:
        if self._in_head and self._head and not self._over():
            self._refuse(Refusal("request_timeout"))
        else:
            super().expire()

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MOST_PIPELINED:
            raise TooManyPipelined  # the parser ends here, and uvicorn refuses what is left
        self.serve()
        self._in_head = False
        self._looked = False
        self._bare = 0
        self.in_body = True
        super().on_headers_complete()
        if len(self.pipeline) < MOST_PIPELINED:
            self.read_on()
        self.cycle.transport = cast(Any, HeadWithBody(self.transport, self.loop, self.end))
        cast(Any, self.scope)["connection"] = self
        if self.scope["http_version"] == "1.0":
            self.cycle.__class__ = _Unframed

    def on_body(self, body: bytes) -> None:
        self._bare = 0
        super().on_body(body)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = self._held = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._ended = True

    def _unsupported_upgrade_warning(self) -> None:
        """One that stood in two pieces, or behind the end of a body. Its own body would now be read
        as the next request, one that no proxy before us has seen."""
        self._refuse(Refusal("invalid_request", "No connection is upgraded."))

    def send_400_response(self, msg: str) -> None:
        self._refuse(Refusal("invalid_request", msg))

    def _over(self) -> bool:
        return self._discards or self.transport.is_closing()

    def _refuse(self, refusal: Refusal) -> None:
        if self.in_answer:
            self.cut()  # in the middle of an answer, another one would be a part of it
            return
        path = self.url.partition(b"?")[0].decode("latin-1")
        body = error_body(path, refusal, "")
        head = (
            b"content-type: application/json\r\nx-content-type-options: nosniff\r\n"
            b"connection: close\r\n"
            b"x-request-id: %s\r\ncontent-length: %d\r\n\r\n" % (str(uuid4()).encode(), len(body))
        )
        self.transport.write(STATUS_LINE[refusal.kind.status] + head + body)
        self.abandon()
        self.end(unread=True)


def _declared(headers: list[tuple[bytes, bytes]]) -> int | None:
    """The length of the body; None: it comes in chunks."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)  # the parser has refused what is no number
    return None


class _Unframed(RequestResponseCycle):
    """HTTP/1.0 knows no chunks: an answer of unknown length ends with its connection."""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            if all(name != b"content-length" for name, _ in message["headers"]):
                self.chunked_encoding = False
                self._unframed = True
        elif getattr(self, "_unframed", False):
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)
