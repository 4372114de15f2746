"""How long an idle connection is kept, by a clock that the tests put forward."""

import asyncio
from pathlib import Path

import pytest

from gateway import server
from gateway.http.protocol import HEAD_SECONDS
from tests.support.passing_time import Clock, Connection, run

CLOUDFLARED = 90  # seconds that it keeps idle connections (docs/cloudflared.md)
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


async def ask(connection: Connection) -> bytes:
    """The head of the answer; nothing if the connection has been closed."""
    reader, writer = connection
    writer.write(POST)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if b"content-length:" in line)
        await reader.readexactly(int(length.partition(b":")[2]))
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""
    return head


@pytest.mark.parametrize("used", [True, False], ids=["used before", "opened ahead"])
def test_a_connection_outlives_the_patience_of_cloudflared_and_serves_a_post(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: bool
):
    async def talk(clock: Clock, connection: Connection) -> None:
        if used:
            assert (await ask(connection)).startswith(b"HTTP/1.1 401")
        for _ in range(2):
            await clock.pass_by(CLOUDFLARED / 2)
        assert (await ask(connection)).startswith(b"HTTP/1.1 401")

    run(tmp_path, monkeypatch, talk)


@pytest.mark.parametrize("used", [True, False], ids=["used before", "opened ahead"])
def test_it_is_not_kept_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: bool):
    async def talk(clock: Clock, connection: Connection) -> None:
        if used:
            await ask(connection)
        await clock.pass_by(server.KEEP_ALIVE + 1)
        assert await ask(connection) == b""

    run(tmp_path, monkeypatch, talk)


@pytest.mark.parametrize("before", [0, CLOUDFLARED])
def test_a_head_that_began_has_its_own_time_whenever_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: float
):
    async def talk(clock: Clock, connection: Connection) -> None:
        reader, writer = connection
        await clock.pass_by(before)
        writer.write(POST[:10])
        await clock.pass_by(HEAD_SECONDS / 2)
        writer.write(POST[10:20])
        await clock.pass_by(HEAD_SECONDS / 2 - 1)
        assert not reader.at_eof()
        await clock.pass_by(2)
        assert (await reader.read()).startswith(b"HTTP/1.1 408")

    run(tmp_path, monkeypatch, talk)


def test_a_head_that_began_in_the_bytes_of_the_request_before_has_that_time_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def talk(clock: Clock, connection: Connection) -> None:
        reader, writer = connection
        writer.write(POST + POST[:10])
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        await clock.pass_by(HEAD_SECONDS - 1)
        assert not reader.at_eof()
        await clock.pass_by(2)
        assert b"HTTP/1.1 408" in await reader.read()

    run(tmp_path, monkeypatch, talk)
