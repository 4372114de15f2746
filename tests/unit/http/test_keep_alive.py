"""How long an idle connection is kept, by a clock that the tests put forward."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from gateway import server
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.http.protocol import HEAD_SECONDS
from gateway.stores import Store
from tests.support.bare_gateway import Away

CLOUDFLARED = 90  # seconds that it keeps idle connections (docs/cloudflared.md)
PATIENCE = 60
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time can be put forward."""

    forward = 0.0

    def time(self) -> float:
        return super().time() + self.forward

    async def pass_by(self, seconds: float) -> None:
        """What was sent before arrives before, and what is due within the time happens."""
        for forward in (0.0, seconds):
            self.forward += forward
            for _ in range(10):
                await asyncio.sleep(0)


@asynccontextmanager
async def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a gateway as `server.serve` runs it."""
    made: list[Any] = []
    ready = asyncio.Event()

    class Known(server._Server):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            made.append(self)

    monkeypatch.setattr(server, "_Server", Known)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nowhere = ("http://127.0.0.1:9",)
    settings = Settings(port=port, data_dir=folder, ollama_base_url=nowhere)
    store = cast(Store, Away())
    running = asyncio.create_task(
        server.serve(settings, store, BackendPool(settings), ready=ready.set)  # type: ignore[arg-type]
    )
    try:
        await ready.wait()
        yield port
    finally:
        made[0].should_exit = True
        await running


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


def run(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    talk: Callable[[Clock, Connection], Awaitable[None]],
) -> None:
    async def main() -> None:
        clock = cast(Clock, asyncio.get_running_loop())
        async with serving(folder, monkeypatch) as port:
            connection = await asyncio.open_connection("127.0.0.1", port)
            try:
                await talk(clock, connection)
            finally:
                connection[1].transport.abort()

    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(main())


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
