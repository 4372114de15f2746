"""A supervised tunnel in the test's own loop, with a stand-in for cloudflared."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support.cloudflared import scenario
from tests.support.processes import is_alive
from tunnel import plan, private_files, status_file
from tunnel.plan import Plan
from tunnel.program import Program
from tunnel.supervisor import Tunnel

PATIENCE = 60.0  # seconds after which something did not happen
NOBODY = "http://127.0.0.1:9"


class SupervisedTunnel:
    """The tunnel, the task that supervises it, and what can be done to it."""

    def __init__(self, stand_in: Path, folder: Path, what: Plan, grace: float) -> None:
        self.stand_in = stand_in
        self.folder = folder
        self.tunnel = Tunnel(Program(stand_in / "cloudflared", "2026.8.2"), what, folder, grace)
        self.task = asyncio.create_task(self.tunnel.run())

    @property
    def edge(self) -> str:
        return f"http://127.0.0.1:{(self.stand_in / 'edge_port').read_text()}"

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                assert not self.task.done() or self.tunnel.status.state == "stopping", self.task
                await asyncio.sleep(0.01)  # a look at what another process does, no timing

    async def connected(self) -> str:
        """The address, once requests can come through."""
        async with asyncio.timeout(PATIENCE):
            waiting = asyncio.ensure_future(self.tunnel.url())
            await asyncio.wait([waiting, self.task], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                self.task.result()
            return await waiting

    async def ended(self) -> None:
        """Wait for the supervisor to end, and raise what it raised."""
        async with asyncio.timeout(PATIENCE):
            await self.task

    async def command(self, name: str) -> None:
        """Below /stand-in: disconnect, connect, crash."""
        url = f"http://127.0.0.1:{self.tunnel.status.metrics_port}/stand-in/{name}"
        async with aiohttp.ClientSession() as session:
            try:
                await session.post(url)
            except aiohttp.ClientError:
                assert name == "crash"

    def published(self) -> str:
        """The state as others read it."""
        status = status_file.current(self.folder)
        return status.state if status else "off"

    def starts(self) -> int:
        return len(scenario.starts(self.stand_in))


@asynccontextmanager
async def supervised(
    stand_in: Path, origin: str = NOBODY, *, token: str = "", grace: float = 600.0
) -> AsyncGenerator[SupervisedTunnel]:
    """A trial tunnel, or the one of a token."""
    folder = private_files.private_folder(stand_in.parent / "tunnel")
    what = plan.quick(origin, {})
    if token:
        private_files.write(folder / "token", token)
        what = plan.by_token(folder / "token", origin, "")
    running = SupervisedTunnel(stand_in, folder, what, grace)
    try:
        yield running
    finally:
        running.tunnel.cut()
        running.task.cancel()
        await asyncio.wait([running.task])
        for start in scenario.starts(stand_in):
            assert not is_alive(start["pid"])
