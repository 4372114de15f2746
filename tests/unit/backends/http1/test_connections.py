"""Connections to model servers are used again where that is safe, and closed at once where not."""

import asyncio
import os
from collections.abc import Sequence
from socket import SHUT_WR, SOCK_STREAM, socket
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.backends.http1 import Http1Client, ReadError, TransportError
from gateway.backends.http1 import client as module
from tests.support.byte_server import CHUNKED, OK, ByteServer
from tests.support.http1 import FOUND, ask, read

pytestmark = pytest.mark.anyio
LARGE = b"x" * 32 * 1024**2  # a body that no buffer holds


async def test_a_connection_whose_body_was_read_is_used_again(
    server: ByteServer, client: Http1Client
):
    server.says(FOUND, end=False)
    for _ in range(3):
        assert await read(await ask(client, server.url, b"{}")) == b"abc"
    assert server.connections == 1


async def test_what_waits_to_be_read_is_not_touched_by_the_next_request(
    server: ByteServer, client: Http1Client
):
    server.says(FOUND, end=False)
    first = await ask(client, server.url)
    server.says(OK + b"Content-Length: 1\r\n\r\nx", end=False)
    second = await ask(client, server.url)
    assert server.connections == 1
    assert [await read(first), await read(second)] == [b"abc", b"x"]
    first.close()
    assert await read(await ask(client, server.url)) == b"x"


async def test_closing_a_body_closes_its_connection_at_once(
    server: ByteServer, client: Http1Client
):
    server.says(CHUNKED + b"3\r\nabc\r\n", end=False)
    response = await ask(client, server.url)
    response.close()
    async with asyncio.timeout(30):
        await server.ended.wait()
    with pytest.raises(TransportError):
        await read(response)


async def test_a_caller_that_is_cancelled_closes_its_connection(
    server: ByteServer, client: Http1Client
):
    asked = asyncio.create_task(ask(client, server.url))
    while not server.heads:
        await asyncio.sleep(0)
    asked.cancel()
    async with asyncio.timeout(30):
        await server.ended.wait()
    with pytest.raises(asyncio.CancelledError):
        await asked


@pytest.mark.parametrize(
    "sent",
    [
        OK + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        FOUND + FOUND,  # the second is the answer to nothing
        FOUND + b"x",
    ],
)
async def test_a_connection_that_ends_or_says_too_much_is_not_used_again(
    server: ByteServer, client: Http1Client, sent: bytes
):
    server.says(sent, end=False)
    for _ in range(2):
        assert await read(await ask(client, server.url, b"{}")) == b"abc"
    assert server.connections == 2


async def test_an_answer_that_nobody_asked_for_is_nobodys(server: ByteServer, client: Http1Client):
    late = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FOUND)
        await late.wait()
        writer.write(OK + b"Content-Length: 3\r\n\r\nbad")

    server.serve = serve
    assert await read(await ask(client, server.url)) == b"abc"
    late.set()
    async with asyncio.timeout(30):
        await server.ended.wait()
    server.says(FOUND, end=False)
    assert await read(await ask(client, server.url)) == b"abc"
    assert server.connections == 2


async def test_an_answer_before_the_request_was_taken_ends_its_connection(
    server: ByteServer, client: Http1Client
):
    async def early(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nabc")
        await asyncio.Event().wait()

    server.takes_bodies, server.serve = False, early
    for _ in range(2):
        response = await ask(client, server.url, LARGE)
        assert (response.status, await read(response)) == (413, b"abc")
    assert server.connections == 2


async def test_an_answer_without_a_length_ends_though_the_request_was_not_taken(
    server: ByteServer, client: Http1Client
):
    async def early(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nabc")
        writer.write_eof()
        await asyncio.Event().wait()

    server.takes_bodies, server.serve = False, early
    response = await ask(client, server.url, LARGE)
    assert (response.status, await read(response)) == (413, b"abc")


async def test_a_connection_that_was_closed_meanwhile_costs_a_question_nothing(
    server: ByteServer, client: Http1Client
):
    """And what is no question is not sent twice: it may have been done."""
    server.says(FOUND, end=False)
    await read(await ask(client, server.url))

    async def close_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The next request is heard, and the connection closed."""
        server.says(FOUND, end=False)
        writer.close()

    server.serve = close_once
    assert await read(await ask(client, server.url)) == b"abc"
    assert len(server.heads) == 3
    server.serve = close_once
    with pytest.raises(ReadError):
        await ask(client, server.url, b"{}")
    assert len(server.heads) == 4


async def test_a_connection_that_has_ended_while_the_loop_was_busy_is_not_used_again(
    server: ByteServer, client: Http1Client
):
    ends: list[int] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer.get_extra_info("socket").fileno())
        writer.write(FOUND)

    server.serve = serve
    await read(await ask(client, server.url, b"{}"))
    with socket(fileno=os.dup(ends[0])) as end:
        end.shutdown(SHUT_WR)
    assert await read(await ask(client, server.url, b"{}")) == b"abc"
    assert server.connections == 2


async def test_an_idle_connection_is_closed_in_time(server: ByteServer):
    client = Http1Client(keep_alive=0.05)
    server.says(FOUND, end=False)
    await read(await ask(client, server.url))
    async with asyncio.timeout(30):
        await server.ended.wait()
    await read(await ask(client, server.url))
    assert server.connections == 2
    client.close()


async def test_another_address_of_the_name_serves_where_the_first_does_not(
    server: ByteServer, client: Http1Client, monkeypatch: pytest.MonkeyPatch
):
    [nobody] = await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 1, type=SOCK_STREAM)

    start: Any = module._eyeballs.start_connection

    async def two(found: Sequence[Any], **options: Any) -> Any:
        return await start([nobody, *found], **options)

    monkeypatch.setattr(module, "_eyeballs", SimpleNamespace(start_connection=two))
    server.says(FOUND, end=False)
    assert await read(await ask(client, server.url)) == b"abc"


async def test_a_response_that_ends_after_the_client_was_closed_leaves_no_connection(
    server: ByteServer, client: Http1Client
):
    server.says(FOUND, end=False)
    response = await ask(client, server.url)
    await read(response)
    ending = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        await ending.wait()
        writer.write(b"0\r\n\r\n")

    server.serve = serve
    response = await ask(client, server.url)
    client.close()
    ending.set()
    assert await read(response) == b""
    async with asyncio.timeout(30):
        await server.ended.wait()
