"""What the peers have in common: started from a folder, ready, and known to answer."""

import asyncio
import os
import time
from pathlib import Path

from bench import processes
from bench.servers import BenchError, Server
from bench.upstream import MODELS
from bench.workloads import Target, repeat


class Peer(Server):
    """Somebody else's gateway. `home` is where it was installed."""

    health = "/"  # answers 200 once it is ready

    def __init__(self, directory: Path, upstream: int, home: Path) -> None:
        self.directory = directory / self.name
        self.directory.mkdir()
        self.logs = directory
        self.upstream = f"http://127.0.0.1:{upstream}"
        self.home = home
        self.target = Target(processes.free_port())
        # Nothing of the caller's own environment, where keys of providers could be.
        self.environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.directory)}

    def command(self) -> list[str]:
        raise NotImplementedError

    async def start(self, limit: float = 120.0) -> float:
        """Seconds from the start of the process until it says that it is ready."""
        begun = time.monotonic()
        self.process = processes.start(self.command(), self.logs, self.environment, self.name)
        await self.ready(self.health, limit)
        return time.monotonic() - begun

    async def answers(self, limit: float = 30.0) -> None:
        """Wait for a first good answer: some look for models only after they are ready."""
        end = time.monotonic() + limit
        model = MODELS[0]
        while not (load := await repeat(self.target, model, 1, callers=1)).done:
            if time.monotonic() > end:
                raise BenchError(f"{self.name} does not answer: {', '.join(load.problems)}")
            await asyncio.sleep(0.1)
