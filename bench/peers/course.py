"""The course of a run: that of scripts/bench, with the peers among the servers."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench import processes
from bench.peers.litellm import LiteLLM
from bench.peers.olla import Olla
from bench.peers.peer import Peer
from bench.peers.portkey import Portkey
from bench.rounds import QUIET, Bench, Scale
from bench.servers import BenchError, Server

PEERS: tuple[type[Peer], ...] = (LiteLLM, Portkey, Olla)
IDLE = 0.05  # of one core: a process that takes no more is quiet


class Course(Bench):
    """`homes`: where each peer that takes part was installed, by name."""

    def __init__(
        self, directory: Path, scale: Scale, say: Callable[[str], None], homes: dict[str, Path]
    ) -> None:
        super().__init__(directory, scale, say)
        self.homes = homes
        self.failed: dict[str, str] = {}

    async def start(self) -> None:
        await super().start()
        for server in self.servers:
            if database := server.database():
                self.take(server, "db_mb", pss_bytes(database) / 1e6)
        upstream = self.servers[0].target.port  # the direct line comes first
        for kind in PEERS:
            if kind.name in self.homes:
                await self._start_peer(kind(self.directory, upstream, self.homes[kind.name]))

    async def held(self, server: Server) -> None:
        with self._left_out_if_gone(server):
            await super().held(server)
            await self._quiet(server)

    async def round(self, server: Server) -> None:
        with self._left_out_if_gone(server):
            await super().round(server)
            await self._quiet(server)

    async def _quiet(self, server: Server, limit: float = 60.0) -> None:
        """Wait until it is done with what a storm left, or the next one would pay for that."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            before = processes.cpu_seconds(server.measured())
            await asyncio.sleep(QUIET)
            if processes.cpu_seconds(server.measured()) - before < QUIET * IDLE:
                return
        self.notes.append(f"{server.name} was still busy after {limit:.0f} s")

    @contextmanager
    def _left_out_if_gone(self, server: Server) -> Generator[None]:
        """A peer that takes no connections any more ends its own part, not that of the others."""
        try:
            yield
        except OSError as wrong:
            if not isinstance(server, Peer):
                raise
            self.failed[server.name] = f"it took no more connections: {wrong.strerror}"

    async def _start_peer(self, peer: Peer) -> None:
        self.add(peer)
        self.say(f"starting {peer.name}, twice")
        try:
            await peer.start()
            await peer.answers()
            peer.stop()
            self.take(peer, "warm_s", await peer.start())
            self.take(peer, "idle_mb", processes.rss_bytes(peer.measured()) / 1e6)
            await peer.answers()
        except BenchError as wrong:
            self.failed[peer.name] = str(wrong)
            self.leave_out(peer.name, wrong)


def pss_bytes(family: list[psutil.Process]) -> int:
    """Memory with what is shared counted once, as that of Postgres' processes is."""
    return sum(one.memory_full_info().pss for one in family)
