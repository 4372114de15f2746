"""How long a model server may be silent, and who waits for whom."""

import asyncio
from typing import Any

import pytest

from gateway.backends.http1 import Http1Client, ReadTimeout, Silence
from gateway.backends.http1.response import MOST_AHEAD
from tests.support.byte_server import CHUNKED, OK, ByteServer
from tests.support.http1 import FOUND, ask, read

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("said", [b"", OK, CHUNKED + b"3\r\nabc\r\n"])
async def test_silence_is_a_read_timeout_wherever_it_begins(
    server: ByteServer, client: Http1Client, said: bytes
):
    server.says(said, end=False)
    with pytest.raises(ReadTimeout):
        await read(await ask(client, server.url, silence=Silence(0.05, 0.05)))
    async with asyncio.timeout(30):
        await server.ended.wait()


async def test_a_head_may_take_longer_than_the_bytes_of_a_body(
    server: ByteServer, client: Http1Client
):
    answered = asyncio.Event()

    async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answered.wait()
        writer.write(CHUNKED)

    server.serve = late
    asked = asyncio.create_task(ask(client, server.url, silence=Silence(60.0, 0.01)))
    done, _ = await asyncio.wait([asked], timeout=0.2)
    assert not done
    answered.set()
    with pytest.raises(ReadTimeout):
        await read(await asked)


async def test_each_request_on_a_connection_has_a_patience_of_its_own(
    server: ByteServer, client: Http1Client
):
    server.says(FOUND, end=False)
    await read(await ask(client, server.url, silence=Silence(600.0, 600.0)))
    server.serve = server.silence
    with pytest.raises(ReadTimeout):
        await ask(client, server.url, b"{}", silence=Silence(0.05, 0.05))
    assert server.connections == 1


async def test_who_reads_slowly_is_no_silence_of_the_server(
    server: ByteServer, client: Http1Client
):
    size = 64 * MOST_AHEAD
    server.says(OK + b"Content-Length: %d\r\n\r\n" % size + b"x" * size, end=False)
    response = await ask(client, server.url)
    connection: Any = response._source
    async with asyncio.timeout(30):
        while not connection._paused:
            await asyncio.sleep(0)
    connection._heard -= 3600.0  # as if nothing had been read for an hour
    connection._look()
    assert len(await read(response)) == size


async def test_a_body_that_nobody_reads_does_not_fill_the_memory(
    server: ByteServer, client: Http1Client
):
    size = 512 * MOST_AHEAD  # more than the system's buffers hold
    sent = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        await writer.drain()
        sent.set()

    server.serve = serve
    response = await ask(client, server.url)
    first = await anext(response)
    assert len(first) <= 8 * MOST_AHEAD
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await sent.wait()
    assert len(first) + len(await read(response)) == size
