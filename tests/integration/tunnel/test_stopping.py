"""The end of a tunnel: streams first, within their grace; at once on a second wish."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.cloudflared import scenario
from tests.support.processes import is_alive
from tests.support.tunnel.origin import Origin, origin
from tests.support.tunnel.supervised import SupervisedTunnel, supervised
from tunnel.child import Child
from tunnel.errors import TunnelError

pytestmark = pytest.mark.anyio
PROTOCOLS = pytest.mark.parametrize("protocol", ["http2", "quic"])
HOLD = """
import sys
from fasteners import InterProcessLock
with InterProcessLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@asynccontextmanager
async def streaming(
    stand_in: Path, protocol: str, grace: float
) -> AsyncGenerator[tuple[SupervisedTunnel, Origin, aiohttp.ClientResponse, aiohttp.ClientSession]]:
    """A tunnel with an open stream in it, of which one word has arrived."""
    scenario.write(stand_in, protocol=protocol)
    async with (
        origin() as behind,
        supervised(stand_in, behind.url, grace=grace) as running,
        aiohttp.ClientSession() as session,
    ):
        await running.connected()
        async with session.get(f"{running.edge}/stream") as answer:
            assert await answer.content.readexactly(4) == b"one "
            yield running, behind, answer, session


@PROTOCOLS
async def test_open_streams_end_whole_while_new_requests_are_refused(stand_in: Path, protocol: str):
    async with streaming(stand_in, protocol, grace=600) as (running, behind, answer, session):
        child = running.tunnel.status.cloudflared_pid
        stopping = asyncio.create_task(running.tunnel.stop())
        async with asyncio.timeout(30):
            while True:
                async with session.get(f"{running.edge}/new") as refused:
                    if refused.status == 530:
                        break
        assert is_alive(child)
        assert not stopping.done()
        behind.go_on.set()
        assert await answer.content.read() == b"two\n"
        async with asyncio.timeout(30):  # far less than the grace, which quic would wait for
            await stopping
            await running.ended()
        assert not is_alive(child)


@PROTOCOLS
async def test_without_a_request_it_ends_at_once(stand_in: Path, protocol: str):
    scenario.write(stand_in, protocol=protocol)
    async with supervised(stand_in, grace=600) as running:
        await running.connected()
        async with asyncio.timeout(30):
            await running.tunnel.stop()
            await running.ended()


async def test_a_stream_that_outlasts_its_grace_is_cut(stand_in: Path):
    async with streaming(stand_in, "http2", grace=0.2) as (running, behind, answer, _):
        child = running.tunnel.status.cloudflared_pid
        async with asyncio.timeout(30):
            await running.tunnel.stop()
            assert not is_alive(child)
            await behind.gone.wait()
            with pytest.raises(aiohttp.ClientError):
                await answer.content.read()


@PROTOCOLS
async def test_a_second_wish_cuts_at_once(stand_in: Path, protocol: str):
    async with streaming(stand_in, protocol, grace=600) as (running, behind, _, _):
        stopping = asyncio.create_task(running.tunnel.stop())
        await running.until(lambda: running.published() == "stopping")
        running.tunnel.cut()
        async with asyncio.timeout(30):
            await stopping
            await behind.gone.wait()
            await running.ended()


async def test_it_can_be_stopped_while_it_waits_to_start_again(stand_in: Path):
    scenario.write(stand_in, ends="start", last_words="it broke")
    async with supervised(stand_in) as running:
        await running.until(lambda: running.published() == "restarting")
        async with asyncio.timeout(30):
            await running.tunnel.stop()
            await running.ended()
        assert running.starts() == 1


async def test_it_can_be_stopped_while_cloudflared_is_being_started(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch
):
    begun, go_on = asyncio.Event(), asyncio.Event()
    start = Child.start

    async def slow(*words: Any) -> Child:
        begun.set()
        await go_on.wait()
        return await start(*words)

    monkeypatch.setattr(Child, "start", slow)
    async with supervised(stand_in) as running, asyncio.timeout(30):
        await begun.wait()
        await running.tunnel.stop()
        go_on.set()
        await running.ended()


async def test_when_its_supervisor_is_cancelled_nothing_is_left(stand_in: Path):
    async with supervised(stand_in) as running:
        await running.connected()
        child = running.tunnel.status.cloudflared_pid
        running.task.cancel()
        await asyncio.wait([running.task])
        assert not is_alive(child)
        assert running.published() == "off"


async def test_only_one_runs_the_tunnel_of_a_data_directory(stand_in: Path):
    folder = stand_in.parent / "tunnel"
    folder.mkdir(mode=0o700)
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(folder / "running.lock")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdout is not None
    assert other.stdin is not None
    await other.stdout.readline()
    async with supervised(stand_in) as running:
        with pytest.raises(TunnelError, match="Another localllm runs the tunnel already: stop it"):
            await running.ended()
        assert running.starts() == 0
    other.stdin.close()
    await other.wait()
