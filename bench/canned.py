"""A PostgREST that says yes to everything at once: what it costs to ask is the asker's own.

`python -m bench.canned` prints its port and serves until its standard input ends.
"""

import asyncio
import json
import sys
from uuid import UUID

VERDICT = {
    "allowed": True,
    "reason": None,
    "key_id": str(UUID(int=1)),
    "granted": 512,
    "rate_limit": 20,
    "rate_remaining": 19,
    "rate_reset_ms": 61234,
    "token_limit": 1_000_000,
    "tokens_remaining": 987_654,
    "month_resets_at": "2030-02-01T00:00:00+00:00",
    "retry_after_ms": None,
}
_BODY = json.dumps(VERDICT).encode()
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class _Canned(asyncio.Protocol):
    """One request after the other; each has a Content-Length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while True:
            head, found, rest = self._read.partition(b"\r\n\r\n")
            if not found:
                return
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(rest) < length:
                return
            self._read = rest[length:]
            self._transport.write(_ANSWER)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Canned, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
