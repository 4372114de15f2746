"""What is sent to a model server, and what is read of its responses."""

import asyncio

import pytest

from gateway.backends.http1 import Http1Client
from tests.support.byte_server import CHUNKED, OK, ByteServer
from tests.support.http1 import FOUND, ask, read

pytestmark = pytest.mark.anyio


async def test_a_request_is_sent_as_it_is_and_its_body_with_its_length(
    server: ByteServer, client: Http1Client
):
    server.says(FOUND, end=False)
    for method, body in (("POST", b"asked"), ("DELETE", b"{}"), ("GET", b"")):
        await read(await ask(client, f"{server.url}/a%2Fb?c=d%20e", body, method=method))
    head = b" /a%2Fb?c=d%20e HTTP/1.1\r\nHost: localhost\r\nX-Y: z\r\n"
    assert server.heads == [
        b"POST" + head + b"Content-Length: 5\r\n\r\n",
        b"DELETE" + head + b"Content-Length: 2\r\n\r\n",
        b"GET" + head + b"\r\n",
    ]
    assert server.bodies == [b"asked", b"{}", b""]


@pytest.mark.parametrize(
    ("sent", "status", "media", "body"),
    [
        (FOUND, 200, "", b"abc"),
        (
            OK + b"CONTENT-TYPE: text/x; y=\xe9\r\ncontent-length: 0\r\n\r\n",
            200,
            "text/x; y=é",
            b"",
        ),
        (CHUNKED + b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n", 200, "", b"abcdefg"),
        (b"HTTP/1.1 307 Moved\r\nLocation: /\r\nContent-Length: 1\r\n\r\nx", 307, "", b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, "", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + FOUND, 200, "", b"abc"),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Type: a/b\r\n\r\n" + FOUND, 200, "", b"abc"),
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
async def test_a_response_is_read_in_whatever_pieces_it_comes(
    server: ByteServer,
    client: Http1Client,
    sent: bytes,
    status: int,
    media: str,
    body: bytes,
    size: int,
):
    server.says(*[sent[at : at + size] for at in range(0, len(sent), size)], end=False)
    response = await ask(client, server.url)
    assert (response.status, response.content_type) == (status, media)
    assert await read(response) == body


async def test_what_comes_in_one_read_is_one_part(server: ByteServer, client: Http1Client):
    gate = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n")
        await gate.wait()
        writer.write(b"1\r\ng\r\n0\r\n\r\n")

    server.serve = serve
    response = await ask(client, server.url)
    assert await anext(response) == b"abcdef"
    gate.set()
    assert await read(response) == b"g"


@pytest.mark.parametrize(
    "head",
    [
        OK + b"\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
async def test_a_body_without_a_length_ends_with_its_connection(
    server: ByteServer, client: Http1Client, head: bytes
):
    server.says(head + b"abc", b"def")
    for _ in range(2):
        assert await read(await ask(client, server.url)) == b"abcdef"
    assert server.connections == 2
