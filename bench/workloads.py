"""What is asked of each server, bounded in number and time."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench import plans
from bench.caller import Caller, Reply, problem


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and the headers that they need there."""

    port: int
    headers: tuple[str, ...] = ()
    path: str = "/v1/chat/completions"

    def request(self, model: str, stream: bool) -> bytes:
        body = json.dumps(
            {
                "model": model,
                "messages": [
                    {"role": "system", "content": "You are a helpful assistant."},
                    {"role": "user", "content": "Name three colours of the rainbow."},
                ],
                "temperature": 0.2,
                "stream": stream,
            }
        ).encode()
        return self.head(f"POST {self.path}", len(body)) + body

    def head(self, line: str, length: int = 0) -> bytes:
        rows = [f"{line} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*", *self.headers]
        rows += ["Content-Type: application/json", f"Content-Length: {length}"] if length else []
        return "\r\n".join([*rows, "", ""]).encode()


@dataclass(slots=True)
class Load:
    """What a workload came to."""

    done: int = 0
    seconds: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)
    first: list[float] = field(default_factory=list)  # seconds to the first event
    delays: list[float] = field(default_factory=list)  # seconds from upstream's send to receipt

    @property
    def lost(self) -> int:
        return self.problems.total()

    def add(self, reply: Reply, plan: plans.Plan, streamed: bool) -> None:
        if wrong := problem(reply, plan, streamed):
            self.problems[wrong] += 1
            return
        self.done += 1
        self.delays += reply.delays
        if reply.first:
            self.first.append(reply.first - reply.sent)


def plan_of(model: str) -> plans.Plan:
    plan = plans.parse(model)
    assert plan, model
    return plan


async def repeat(
    target: Target, model: str, count: int, callers: int = 16, limit: float = 20.0
) -> Load:
    """`count` exchanges from `callers` connections, one after the other on each."""
    plan = plan_of(model)
    streamed = plan.streams
    request = target.request(model, streamed)
    load = Load()
    left = count
    end = time.monotonic() + limit

    async def one() -> None:
        nonlocal left
        caller = await Caller.connect(target.port)
        try:
            while left > 0 and time.monotonic() < end:
                left -= 1
                load.add(await caller.exchange(request, timeout=10.0), plan, streamed)
                if not caller.open:
                    caller = await Caller.connect(target.port)
        finally:
            caller.close()

    start = time.monotonic()
    await asyncio.gather(*(one() for _ in range(callers)))
    load.seconds = time.monotonic() - start
    return load


async def hold(
    target: Target, model: str, streams: int, at_full: Callable[[], Awaitable[None]]
) -> Load:
    """`streams` paced streams at once, begun over a second; `at_full` runs while all are open."""
    plan = plan_of(model)
    request = target.request(model, True)
    length = plan.size * plan.interval
    load = Load()

    async def one(number: int) -> None:
        await asyncio.sleep(number / streams)
        try:
            caller = await Caller.connect(target.port)
        except OSError as wrong:
            load.problems[f"no connection: {wrong}"] += 1
            return
        load.add(await caller.exchange(request, length + 15.0, timed=True), plan, True)
        caller.close()

    async def look() -> None:
        await asyncio.sleep(1.0 + (length - 1.0) * 0.7)
        await at_full()

    start = time.monotonic()
    await asyncio.gather(look(), *(one(number) for number in range(streams)))
    load.seconds = time.monotonic() - start
    return load


async def get(target: Target, path: str, timeout: float = 5.0) -> Reply:
    """One GET on a connection of its own. Raises OSError when nothing listens."""
    caller = await Caller.connect(target.port)
    try:
        return await caller.exchange(target.head(f"GET {path}"), timeout)
    finally:
        caller.close()
