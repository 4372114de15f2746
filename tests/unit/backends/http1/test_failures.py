"""What goes wrong on the way to a model server has a name, and a cut body no clean end."""

import asyncio
import ssl

import pytest

from gateway.backends.http1 import ConnectError, Http1Client, ReadError
from gateway.backends.http1.connection import LONGEST_HEAD
from tests.support.byte_server import CHUNKED, OK, ByteServer
from tests.support.http1 import FOUND, PATIENT, ask, read
from tests.support.stream_server import serving
from tests.support.tunnel.release_server import PEM

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "cut",
    [
        OK + b"Content-Length: 9\r\n\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"9\r\nabc",
        CHUNKED.replace(b"chunked", b"chunked ") + b"9\r\nabc",
    ],
)
async def test_a_body_that_breaks_off_is_no_clean_end(
    server: ByteServer, client: Http1Client, cut: bytes
):
    server.says(cut)
    response = await ask(client, server.url)
    async with asyncio.timeout(30):
        assert await anext(response) == b"abc"
        for _ in range(2):  # and it stays so
            with pytest.raises(ReadError):
                await anext(response)


async def test_a_body_whose_framing_breaks_ends_at_once_and_as_an_error(
    server: ByteServer, client: Http1Client
):
    """Though the other side keeps the connection open. What came before is not lost."""
    server.says(CHUNKED + b"3\r\nabc\r\nno chunk size\r\n", end=False)
    response = await ask(client, server.url)
    async with asyncio.timeout(30):
        assert await anext(response) == b"abc"
        with pytest.raises(ReadError):
            await anext(response)
        await server.ended.wait()


@pytest.mark.parametrize(
    "head",
    [
        *(b"", OK[:20], b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/2 200\r\n\r\n"),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
)
async def test_a_head_that_breaks_off_or_can_be_read_in_two_ways_is_a_read_error(
    server: ByteServer, client: Http1Client, head: bytes
):
    server.says(head)
    with pytest.raises(ReadError):
        await read(await ask(client, server.url, b"{}"))


async def test_a_head_without_end_is_cut(server: ByteServer, client: Http1Client):
    server.says(OK + b"X: " + b"a" * (2 * LONGEST_HEAD), end=False)
    with pytest.raises(ReadError):
        await ask(client, server.url, b"{}")


@pytest.mark.parametrize("endless", [b"0\r\nX: ", b"3;x="])
async def test_a_trailer_or_chunk_size_without_end_is_cut(
    server: ByteServer, client: Http1Client, endless: bytes
):
    server.says(CHUNKED + b"3\r\nabc\r\n" + endless + b"a" * (4 * LONGEST_HEAD), end=False)
    with pytest.raises(ReadError):
        await read(await ask(client, server.url))


async def test_an_address_where_nobody_is_is_a_connect_error(client: Http1Client):
    for url in ("http://no-such-host.invalid", "http://127.0.0.1:1", f"http://{'a' * 70}.invalid"):
        with pytest.raises(ConnectError):
            await ask(client, url)


@pytest.mark.parametrize("url", ["http://[::", "http://", "/x"])
async def test_an_address_that_is_none_is_a_value_error(client: Http1Client, url: str):
    with pytest.raises(ValueError, match=r"."):
        await ask(client, url)


async def test_a_line_break_in_what_is_sent_is_a_value_error(
    server: ByteServer, client: Http1Client
):
    for name, value in (("X", "a\r\nY: b"), ("X\nY", "b"), ("X", "a\rb")):
        with pytest.raises(ValueError, match="line break"):
            await client.send("GET", server.url, {name: value}, b"", connect=30.0, silence=PATIENT)
    assert server.heads == []


async def test_a_server_with_a_certificate_of_nobody_is_a_connect_error(
    server: ByteServer, client: Http1Client, monkeypatch: pytest.MonkeyPatch
):
    server.says(FOUND, end=False)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(PEM)
    async with serving(server.accept, tls) as port:
        with pytest.raises(ConnectError):
            await ask(client, f"https://localhost:{port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(PEM))  # now it is somebody's
        trusting = Http1Client(keep_alive=60)
        for _ in range(2):
            response = await ask(trusting, f"https://localhost:{port}", b"{}")
            assert await read(response) == b"abc"
        assert server.connections == 1
        trusting.close()


async def test_a_server_that_does_not_take_up_the_connection_is_a_connect_error(
    server: ByteServer, client: Http1Client
):
    """This one waits for a request, and does not know of TLS."""
    with pytest.raises(ConnectError):
        await ask(client, server.url.replace("http:", "https:"), connect=0.1)
