"""Gateways and databases for tests that kill them."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.support.certificates import ONE_AUTHORITY
from tests.support.gateway_process import PATIENCE, Running, free_port
from tests.support.gateway_process import ask as ask_json
from tests.support.postgres import TEMPLATE, Server, execute

Result = TypeVar("Result")
_numbers = count(1)


class GatewayProcess:
    """`localllm serve` with a data directory of its own, to be killed and started again."""

    def __init__(self, home: Path, upstream: str, dsn: str = "", **settings: object) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = home / "data"
        self._home = home
        self._environ = {
            **ONE_AUTHORITY,
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "OLLAMA_BASE_URL": upstream,
            "DATABASE_URL": dsn,
            "ADMIN_SECRET": "for-tests-only",
            **{name: str(value) for name, value in settings.items()},
        }
        self.running: Running | None = None
        self.within: tuple[str, ...] = ()  # a command that runs it

    def twin(self, home: Path) -> "GatewayProcess":
        """Another one with the same settings, in a new home."""
        home.mkdir()
        settings = {**self._environ, "HOME": str(home), "DATA_DIR": str(home / "data")}
        other = GatewayProcess(home, "")
        other._environ = {**settings, "PORT": str(other.port)}
        return other

    async def start(self, *command: str) -> None:
        """Return when it listens. `up` instead of `serve` if that is the command."""
        words = [*self.within, sys.executable, "-m", "gateway", *(command or ("serve",))]
        self.running = Running(words, self._environ, self._home)
        await asyncio.to_thread(self.running.wait_for, "localllm is running at|Data: ")

    async def kill(self) -> None:
        """As `kill -9` does: at once."""
        assert self.running is not None
        running, self.running = self.running, None
        running.process.kill()
        await asyncio.to_thread(running.stop, signal.SIGKILL)

    async def stop(self) -> int:
        """As a supervisor does; the exit code."""
        assert self.running is not None
        running, self.running = self.running, None
        return await asyncio.to_thread(running.stop, signal.SIGTERM)

    def has_connection_from(self, port: int) -> bool:
        """Whether a connection of a client on this port is open here."""
        assert self.running is not None
        found = psutil.Process(self.running.process.pid).net_connections("tcp")
        return any(one.raddr and one.raddr[1] == port for one in found)

    async def health(self) -> dict[str, Any]:
        return (await asyncio.to_thread(ask_json, f"{self.url}/health"))[1]

    async def __aenter__(self) -> "GatewayProcess":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.running is not None:
            await asyncio.to_thread(self.running.kill)


@contextmanager
def fresh_database(server: Server) -> Iterator[str]:
    """The address of a new migrated database, for tests that are no coroutines."""
    name = f"failing_{next(_numbers)}"
    admin = server.dsn("postgres")
    asyncio.run(execute(admin, f"create database {name} template {TEMPLATE} strategy file_copy"))
    yield server.dsn(name)
    asyncio.run(execute(admin, f"drop database {name} with (force)"))


async def eventually(true: Callable[[], Awaitable[Result]]) -> Result:
    """The first true value; the test fails if none comes."""
    async with asyncio.timeout(PATIENCE):
        while not (value := await true()):
            await asyncio.sleep(0.01)  # a look at what another process does, no timing
    return value
