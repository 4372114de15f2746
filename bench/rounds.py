"""The course of a run: servers are measured in turn, round by round, because machines are noisy."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import plans, processes
from bench.figures import Samples, p99
from bench.servers import Bare, BenchError, Direct, Gateway, Nginx, Server, users_program
from bench.workloads import Load, hold, repeat

QUIET = 0.5  # seconds after a load in which what it left to do (settling) still counts


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int
    requests: int
    streams: int
    first: int
    held: str
    window: float  # seconds of one look at the throughput
    held_streams: int = 500


class Bench:
    """Holds the running servers and what was measured on each."""

    def __init__(self, directory: Path, scale: Scale, say: Callable[[str], None]) -> None:
        self.directory, self.scale, self.say = directory, scale, say
        self.servers: list[Server] = []
        self.samples: dict[str, Samples] = {}
        self.notes: list[str] = []
        self.tokens = 0  # that the gateway's key should have been charged
        self.answers = 0

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()

    async def run(self) -> None:
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        if load > cores / 2:
            self.notes.append(
                f"the machine was busy before the run: load {load:.1f} on {cores} cores"
            )
        await self.start()
        for server in self.servers:
            await self.held(server)
        for number in range(self.scale.rounds):
            self.say(f"round {number + 1} of {self.scale.rounds}")
            turn = number % len(self.servers)
            for server in self.servers[turn:] + self.servers[:turn]:
                await self.round(server)
        for server in self.servers:
            self.take(server, "end_mb", processes.rss_bytes(server.measured()) / 1e6)
        for server in self.servers:
            if isinstance(server, Gateway):
                await self.check_counts(server)

    async def start(self) -> None:
        direct = Direct(self.directory)
        self.add(direct)
        upstream = direct.target.port
        try:
            nginx = Nginx(self.directory, upstream)
            self.add(nginx)
            await nginx.ready("/api/version", 5)
        except BenchError as wrong:
            self.leave_out("nginx", wrong)
        bare = Bare(self.directory, upstream)
        self.add(bare)
        try:
            await bare.ready("/health", 20)
        except BenchError as wrong:
            self.leave_out("bare", wrong)
        program = users_program()
        if program is None:
            self.notes.append("localllm ran beside what its tests need: its memory has that in it")
        gateway = Gateway(self.directory, upstream, program=program)
        self.add(gateway)
        try:
            self.say("starting the gateway, twice")
            cold = await gateway.start()
            gateway.make_key()
            gateway.stop()
            warm = await gateway.start()
            self.take(gateway, "warm_s", warm)
            self.notes.append(f"first start to ready: {cold:.1f} s")
        except BenchError as wrong:
            self.leave_out("localllm", wrong)
        for server in self.servers:
            self.take(server, "idle_mb", processes.rss_bytes(server.measured()) / 1e6)

    def add(self, server: Server) -> None:
        self.servers.append(server)
        self.samples[server.name] = Samples()

    def leave_out(self, name: str, wrong: BenchError) -> None:
        self.notes.append(str(wrong))
        with suppress(OSError):
            tail = (self.directory / f"{name}.log").read_text("utf-8", "replace").strip()
            self.notes += tail.splitlines()[-5:]
        for server in [one for one in self.servers if one.name == name]:
            server.stop()
            self.servers.remove(server)
            del self.samples[name]

    def take(self, server: Server, key: str, value: float) -> None:
        self.samples[server.name].add(key, value)

    def book(self, server: Server, load: Load, model: str, lost: str = "wrong") -> Load:
        """Note what went wrong, and what the gateway should have counted."""
        self.take(server, lost, load.lost)
        self.notes += [f"{server.name}, {model}: {n} × {why}" for why, n in load.problems.items()]
        plan = plans.parse(model)
        if isinstance(server, Gateway) and plan:
            self.answers += load.done
            self.tokens += load.done * (plans.PROMPT_TOKENS + plan.completion_tokens)
        return load

    async def held(self, server: Server) -> None:
        """Memory first: later loads leave room behind in which streams would cost nothing."""
        scale = self.scale
        self.say(f"{server.name}: {scale.held_streams} held streams")
        await self.throughput(server)  # warm
        before = await self.throughput(server)
        empty = processes.rss_bytes(server.measured())

        async def weigh() -> None:
            grown = processes.rss_bytes(server.measured()) - empty
            self.take(server, "stream_kb", grown / scale.held_streams / 1e3)

        load = self.book(
            server,
            await hold(server.target, scale.held, scale.held_streams, weigh),
            scale.held,
            "lost",
        )
        if load.delays:
            self.take(server, "delay", p99(load.delays) * 1e3)
        after = await self.throughput(server)
        self.take(server, "after_held", after / before if before else 0.0)

    async def throughput(self, server: Server) -> float:
        """Requests a second: the median of three short looks."""
        model = "answer-1024"
        looks: list[float] = []
        for _ in range(3):
            load = await repeat(server.target, model, 100_000, limit=self.scale.window)
            looks.append(self.book(server, load, model).done / load.seconds)
        return median(looks)

    async def round(self, server: Server) -> None:
        scale = self.scale
        load = await self.costs(server, "answer-1024", scale.requests, "requests")
        self.take(server, "rate", load.done / load.seconds)
        await self.costs(server, "burst-200", scale.streams, "streams")
        first = await repeat(server.target, "burst-20", scale.first, callers=1)
        for seconds in self.book(server, first, "burst-20").first:
            self.take(server, "ttft", seconds * 1e3)

    async def costs(self, server: Server, model: str, count: int, name: str) -> Load:
        """CPU per thousand, until the server has gone quiet again."""
        cpu = processes.cpu_seconds(server.measured())
        db = processes.cpu_seconds(server.database())
        load = self.book(server, await repeat(server.target, model, count), model)
        await asyncio.sleep(QUIET)
        thousands = max(load.done, 1) / 1000
        used = processes.cpu_seconds(server.measured()) - cpu
        self.take(server, f"cpu_{name}", used / thousands)
        if database := server.database():  # looked up anew: connections come and go
            self.take(server, f"db_{name}", (processes.cpu_seconds(database) - db) / thousands)
        return load

    async def check_counts(self, gateway: Gateway) -> None:
        """Speed counts only if every answer was charged, with the tokens that were reported."""
        for _ in range(50):
            answers, tokens = await gateway.counted()
            if (answers, tokens) == (self.answers, self.tokens):
                break
            await asyncio.sleep(0.1)
        off = max(abs(self.answers - answers), 1 if tokens != self.tokens else 0)
        self.take(gateway, "uncounted", off)
        if off:
            self.notes.append(
                f"counted {answers} answers and {tokens} tokens"
                f" instead of {self.answers} and {self.tokens}"
            )
