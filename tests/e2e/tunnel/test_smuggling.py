"""No bytes of a request from outside become a request of their own, without the marks of the edge,
on the connection that cloudflared keeps open to the gateway. How the edge itself takes such bytes
apart is not ours to say: they are tried as if it had passed them on."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.behind_a_tunnel import MARKS, SECRET, Way, behind, send, ways
from tests.support.callers import make_keys
from tests.support.fake_upstream import FakeUpstream
from tests.support.tunnel.up import Up

LABEL = b"known to the owner alone"
INNER = f"GET /admin/api-keys HTTP/1.1\r\nHost: x\r\n{SECRET}\r\n\r\n".encode()
N = len(INNER)
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (N, INNER)
FRONT = "\r\n".join(["", "Host: x", *MARKS, ""]).encode()
TARGETS = (
    *("POST /v1/chat/completions", "POST /nowhere", "GET /health", "GET /", "DELETE /v1/models"),
    *("POST /admin/api-keys", "OPTIONS /v1/models", "HEAD /health", "POST /v1//usage"),
)
LENGTH = b"Content-Length: %d\r\n" % N
# Framing of a request whose body is another one, and that body. Read strictly each is one request,
# or none at all.
FRAMES: dict[str, tuple[bytes, bytes]] = {
    "length": (LENGTH, INNER),
    "chunks": (b"Transfer-Encoding: chunked\r\n", CHUNKED),
    "chunks in capitals": (b"TRANSFER-ENCODING: CHUNKED\r\n", CHUNKED),
    "chunks with an extension": (
        b"Transfer-Encoding: chunked\r\n",
        CHUNKED.replace(b"\r\n", b";x=1\r\n", 1),
    ),
    "length, then chunks": (LENGTH + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + INNER),
    "chunks, then a length": (b"Transfer-Encoding: chunked\r\n" + LENGTH, b"0\r\n\r\n" + INNER),
    "no length, then chunks": (
        b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        CHUNKED,
    ),
    "two lengths": (LENGTH + b"Content-Length: 0\r\n", INNER),
    "two lengths the other way": (b"Content-Length: 0\r\n" + LENGTH, INNER),
    "the same length twice": (LENGTH * 2, INNER),
    "a list of lengths": (b"Content-Length: 0, %d\r\n" % N, INNER),
    "a signed length": (b"Content-Length: +%d\r\n" % N, INNER),
    "a hexadecimal length": (b"Content-Length: 0x%x\r\n" % N, INNER),
    "a length with a space": (b"Content-Length: 0 0\r\n", INNER),
    "an empty length": (b"Content-Length:\r\n", INNER),
    "a folded length": (b"Content-Length: 0\r\n %d\r\n" % N, INNER),
    "a length with a space before the colon": (b"Content-Length : %d\r\n" % N, INNER),
    "a huge length": (b"Content-Length: 18446744073709551616\r\n", INNER),
    "chunks with a space before the colon": (b"Transfer-Encoding : chunked\r\n", CHUNKED),
    "folded chunks": (b"Transfer-Encoding:\r\n chunked\r\n", CHUNKED),
    "chunks of another kind": (b"Transfer-Encoding: xchunked\r\n", CHUNKED),
    "chunks, then identity": (b"Transfer-Encoding: chunked, identity\r\n", CHUNKED),
    "identity, then chunks": (b"Transfer-Encoding: identity, chunked\r\n", CHUNKED),
    "identity and a length": (b"Transfer-Encoding: identity\r\n" + LENGTH, INNER),
    "chunks twice": (b"Transfer-Encoding: chunked\r\n" * 2, CHUNKED),
    "chunks and gzip": (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "chunks with a control": (b"Transfer-Encoding: \x0bchunked\r\n", CHUNKED),
    "chunks in quotes": (b'Transfer-Encoding: "chunked"\r\n', CHUNKED),
    "a chunk with a sign": (b"Transfer-Encoding: chunked\r\n", b"+0\r\n\r\n" + INNER),
    "a chunk in hexadecimal": (b"Transfer-Encoding: chunked\r\n", b"0x0\r\n\r\n" + INNER),
    "a chunk that ends in a line feed": (
        b"Transfer-Encoding: chunked\r\n",
        b"0\n\n" + INNER,
    ),
    "a chunk longer than it says": (
        b"Transfer-Encoding: chunked\r\n",
        b"1\r\nxx\r\n0\r\n\r\n" + INNER,
    ),
    "a chunk of too many digits": (
        b"Transfer-Encoding: chunked\r\n",
        b"1" + b"0" * 16 + b"\r\n\r\n0\r\n\r\n" + INNER,
    ),
    "a trailer": (b"Transfer-Encoding: chunked\r\nTrailer: X\r\n", b"0\r\n" + INNER),
    "a trailer that names a length": (
        b"Transfer-Encoding: chunked\r\n",
        b"0\r\nContent-Length: %d\r\n\r\n" % N,
    ),
    "a value that ends in a line feed": (b"X: y\n\n" + INNER[:-2], b""),
    "a value that ends in a return": (b"X: y\r\r" + INNER[:-2], b""),
    "a value with a zero": (b"X: y\0\r\n\r\n"[:-2], INNER),
    "a name without a colon": (b"GET /admin/api-keys HTTP/1.1\r\n", b""),
    "an upgrade": (b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + LENGTH, INNER),
    "a websocket": (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + LENGTH,
        INNER,
    ),
    "expected": (b"Expect: 100-continue\r\n" + LENGTH, INNER),
    "a hop's own length": (b"Connection: content-length\r\n" + LENGTH, INNER),
}
LAST = b"GET /health HTTP/1.1" + FRONT + b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def it(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[Up]:
    with behind(shared_upstream, shared_dsn) as running:
        make_keys(running.gateway.url, LABEL.decode())
        yield running


def replies(way: Way, *parts: bytes) -> bytes:
    """What comes back when a last request, with the edge's marks, follows."""
    received = asyncio.run(send(way, *parts, LAST))
    assert LABEL not in received, received
    return received


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "in pieces"])
def test_a_body_never_becomes_a_request(it: Up, frame: str, pieces: bool):
    headers, body = FRAMES[frame]
    for target in TARGETS:
        for version in (b"1.1", b"1.0"):
            head = target.encode() + b" HTTP/" + version + FRONT + headers + b"\r\n"
            parts = [head, body] if pieces else [head + body]
            received = replies(ways(it)["marked"], *parts)
            assert received.count(b"\r\nx-request-id: ") <= 2, received  # it, and the last one


@pytest.mark.parametrize("at", range(1, 12))
def test_an_upgrade_cut_anywhere_makes_no_request_of_its_body(it: Up, at: int):
    upgrade = b"Upgrade: websocket\r\n\r\n"
    head = b"POST /v1/chat/completions HTTP/1.1" + FRONT + b"Connection: upgrade\r\n" + LENGTH
    reader_sees = replies(ways(it)["marked"], head + upgrade[:at], upgrade[at:], INNER)
    assert reader_sees.count(b"\r\nx-request-id: ") <= 2


@pytest.mark.parametrize(
    "preface",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + INNER,
        b"PRI * HTTP/1.1" + FRONT + b"\r\n" + INNER,
        b"CONNECT 127.0.0.1:8000 HTTP/1.1" + FRONT + b"\r\n" + INNER,
        b"CONNECT /admin/api-keys HTTP/1.1" + FRONT + b"\r\n" + INNER,
        b"GET /admin/api-keys\r\n" + INNER,
        bytes.fromhex("16030100c8010000c40303") + INNER,
    ],
    ids=ascii,
)
def test_another_protocol_ends_the_connection(it: Up, preface: bytes):
    received = asyncio.run(send(ways(it)["marked"], preface))
    assert LABEL not in received
    assert received.startswith(b"HTTP/1.1 400 ")


def test_the_inner_request_is_one_that_works(it: Up):
    here = ways(it)["marked"]._replace(marks=())
    whole = INNER.replace(b"Host: x", b"Host: x\r\nConnection: close")
    assert LABEL in asyncio.run(send(here, whole))
