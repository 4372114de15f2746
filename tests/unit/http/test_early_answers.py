"""An answer that comes before its request has ended holds no connection open, and can be read."""

import asyncio
import gc
import socket
import struct
import weakref
from pathlib import Path

import pytest

from gateway.http.connection import LINGER
from gateway.http.protocol import BoundedHttp
from tests.support.passing_time import Clock, Connection, run

LENGTH = b"Host: x\r\nContent-Length: 9\r\n\r\n"
EARLY = {
    "401": b"POST /v1/chat/completions HTTP/1.1\r\n",
    "404": b"POST /nothing HTTP/1.1\r\n",
    "204": b"OPTIONS /v1/models HTTP/1.1\r\n",
    "200": b"GET / HTTP/1.1\r\n",
}
LARGE = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
CHUNKED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def head_of(connection: Connection) -> bytes:
    return (await connection[0].readuntil(b"\r\n\r\n")).lower()


@pytest.mark.parametrize("status", EARLY)
@pytest.mark.parametrize("more", [b"", b"1"])
def test_a_body_that_never_ends_keeps_no_connection_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, more: bytes
):
    async def talk(clock: Clock, connection: Connection) -> None:
        reader, writer = connection
        writer.write(EARLY[status] + LENGTH)
        assert f" {status} ".encode() in await head_of(connection)
        writer.write(more)
        await clock.pass_by(LINGER + 1)
        await reader.read()  # to the end, which would not come

    run(tmp_path, monkeypatch, talk)


def test_a_small_body_that_ends_in_time_keeps_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def talk(clock: Clock, connection: Connection) -> None:
        _, writer = connection
        for _ in range(3):
            writer.write(EARLY["204"] + LENGTH)
            assert b"connection: close" not in await head_of(connection)
            writer.write(b"123456789")
            await clock.pass_by(LINGER + 1)

    run(tmp_path, monkeypatch, talk)


@pytest.mark.parametrize("head", [LARGE, CHUNKED], ids=["large", "chunked"])
def test_a_large_body_is_not_waited_for_and_what_still_comes_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes
):
    async def talk(clock: Clock, connection: Connection) -> None:
        reader, writer = connection
        writer.write(head)
        assert b"connection: close" in await head_of(connection)
        writer.write(b"x" * 1_000_000)
        await writer.drain()
        assert b"invalid_api_key" in await reader.read()  # to the end, which is no reset
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await clock.pass_by(LINGER + 1)
        assert await reader.read() == b""

    run(tmp_path, monkeypatch, talk)


def test_a_connection_that_was_reset_leaves_nothing_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known: list[weakref.ref[BoundedHttp]] = []
    lost = asyncio.Event()
    connection_lost = BoundedHttp.connection_lost

    def noted(self: BoundedHttp, exc: Exception | None) -> None:
        assert isinstance(exc, ConnectionResetError)
        connection_lost(self, exc)
        known.append(weakref.ref(self))
        lost.set()

    monkeypatch.setattr(BoundedHttp, "connection_lost", noted)

    async def talk(clock: Clock, connection: Connection) -> None:
        _, writer = connection
        writer.write(EARLY["401"] + LENGTH + b"123456789")
        await head_of(connection)
        unsent = struct.pack("ii", 1, 0)  # wait for nothing: that is what makes it a reset
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, unsent)
        writer.transport.abort()
        await lost.wait()
        await clock.pass_by(0)
        gc.collect()
        assert known[0]() is None

    run(tmp_path, monkeypatch, talk)
