"""httpx over aiohttp: what goes wrong has a name of httpx, and a cut body no clean end."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest

from gateway.stores.aiohttp_transport import AiohttpTransport
from tests.support.byte_server import CHUNKED, OK, ByteServer, byte_server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server() -> AsyncIterator[ByteServer]:
    async with byte_server() as made:
        yield made


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport(keep_alive=60)
    yield made
    await made.aclose()


def client(transport: AiohttpTransport, read: float = 30) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(30, read=read))


@pytest.mark.parametrize(
    "cut",
    [
        OK + b"Content-Length: 9\r\n\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_no_clean_end(
    server: ByteServer, transport: AiohttpTransport, cut: bytes
):
    server.says(cut)
    body = b""
    with pytest.raises(httpx.ReadError) as caught:
        async with asyncio.timeout(30), client(transport).stream("GET", server.url) as response:
            async for part in response.aiter_raw():
                body += part
    assert body == b"abc"
    assert isinstance(caught.value.__cause__, aiohttp.ClientError)


async def test_a_body_whose_framing_breaks_ends_at_once_and_as_an_error(
    server: ByteServer, transport: AiohttpTransport
):
    """Though the other side keeps the connection open."""
    read = asyncio.Event()

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"3\r\nabc\r\n")
        await read.wait()
        writer.write(b"no chunk size\r\n")
        await reader.read()

    server.serve = garbage
    async with asyncio.timeout(30), client(transport).stream("GET", server.url) as response:
        parts = response.aiter_raw()
        assert await anext(parts) == b"abc"
        read.set()
        with pytest.raises(httpx.ReadError):
            await anext(parts)


@pytest.mark.parametrize("head", [b"", OK[:20], b"SSH-2.0-OpenSSH\r\n\r\n"])
async def test_a_head_that_breaks_off_is_a_read_error(
    server: ByteServer, transport: AiohttpTransport, head: bytes
):
    server.says(head)
    with pytest.raises(httpx.ReadError):
        await client(transport).get(server.url)


async def test_an_address_where_nobody_is_is_a_connect_error(
    server: ByteServer, transport: AiohttpTransport
):
    with pytest.raises(httpx.ConnectError):
        await client(transport).get("http://no-such-host.invalid")
    with pytest.raises(httpx.ConnectError) as caught:
        await client(transport).get("http://127.0.0.1:1")
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("said", [[], [OK], [CHUNKED + b"3\r\nabc\r\n"]])
async def test_silence_is_a_read_timeout_wherever_it_begins(
    server: ByteServer, transport: AiohttpTransport, said: list[bytes]
):
    server.says(*said, end=False)
    with pytest.raises(httpx.ReadTimeout):
        await client(transport, read=0.05).get(server.url)


async def test_closing_a_body_closes_its_connection_at_once(
    server: ByteServer, transport: AiohttpTransport
):
    server.says(CHUNKED + b"3\r\nabc\r\n", end=False)
    request = httpx.Request("GET", server.url)
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    await response.stream.aclose()
    async with asyncio.timeout(30):
        await server.ended.wait()


async def test_a_connection_whose_body_was_read_is_used_again(
    server: ByteServer, transport: AiohttpTransport
):
    server.says(OK + b"Content-Length: 3\r\n\r\nabc", end=False)
    for _ in range(3):
        assert (await client(transport).get(server.url)).content == b"abc"
    assert server.connections == 1


async def test_requests_and_responses_are_as_httpx_says_them(
    server: ByteServer, transport: AiohttpTransport
):
    url = server.url.replace("127.0.0.1", "localhost")  # addresses get no cookies anyhow
    packed = gzip.compress(b"hello")
    headers = (
        b"Content-Encoding: gzip\r\nX-Odd: \xe9\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\n"
    )
    length = b"Content-Length: %d\r\n\r\n" % len(packed)
    server.says(b"HTTP/1.1 307 Moved\r\nLocation: /\r\n" + headers + length + packed, end=False)
    async with client(transport).stream(
        "POST", f"{url}/a%2Fb?c=d%20e", content=b"asked", headers={"X-Y": "z"}
    ) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert (response.status_code, raw) == (307, packed)
    assert response.headers.get_list("set-cookie") == ["a=b; Path=/", "c=d"]
    assert response.headers["x-odd"] == "é"
    await client(transport).get(url)
    [first, second] = server.heads
    assert first.startswith(b"POST /a%2Fb?c=d%20e HTTP/1.1\r\n")
    assert b"\r\nX-Y: z\r\n" in first
    assert server.bodies == [b"asked", b""]
    assert b"cookie" not in second.lower()


async def test_a_proxy_is_asked_with_its_password(server: ByteServer):
    server.says(OK + b"Content-Length: 0\r\n\r\n", end=False)
    proxy = server.url.replace("http://", "http://me:secret@")
    transport = AiohttpTransport(keep_alive=60, proxy=proxy)
    for _ in range(2):
        assert (await client(transport).get("http://far.invalid/x")).status_code == 200
    await transport.aclose()
    assert (server.connections, len(server.heads)) == (1, 2)
    for head in server.heads:
        assert head.startswith(b"GET http://far.invalid/x HTTP/1.1\r\n")
        assert b"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head
