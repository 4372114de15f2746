"""A gateway as `server.serve` runs it, by a clock that tests put forward."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from gateway import server
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.stores import Store
from tests.support.bare_gateway import Away
from tests.support.gateway_process import free_port

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
    """Its port."""
    made: list[Any] = []
    ready = asyncio.Event()

    class Known(server._Server):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            made.append(self)

    monkeypatch.setattr(server, "_Server", Known)
    port = free_port()
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
