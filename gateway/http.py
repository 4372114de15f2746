"""uvicorn's HTTP protocol, with a bound on what a client may send before its request is known."""

from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.dialects import error_body
from gateway.edge import MAX_HEADERS
from gateway.errors import Refusal

_MAX_HEAD = 2 * MAX_HEADERS  # bytes of request line and headers; Edge words the refusal below it


class BoundedHttp(HttpToolsProtocol):
    """Ends a connection whose head grows without end, and words its refusals as ours."""

    _head = 0  # bytes since the message began
    _in_head = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > _MAX_HEAD:
                self._refuse(Refusal("headers_too_large"))

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = 0

    def send_400_response(self, msg: str) -> None:
        self._refuse(Refusal("invalid_request", msg))

    def _refuse(self, refusal: Refusal) -> None:
        body = error_body("/", refusal, "")
        head = (
            b"content-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n" % len(body)
        )
        transport = cast(Any, self.transport)
        transport.write(STATUS_LINE[refusal.kind.status] + head + body)
        transport.close()
