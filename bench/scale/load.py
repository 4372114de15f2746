"""Callers of several gateways at once: at a rate, whatever answers take, or as fast as they can.

Each key goes to every gateway in turn, so that neighbouring requests of one key meet in the
database: the worst case for it.
"""

import asyncio
import itertools
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.caller import Caller, Reply, problem
from bench.workloads import Target, plan_of

ANSWER = "answer-1024"  # 26 + 256 tokens (bench/plans.py)
STREAM = "late-200x20"
TOKENS = 282
CALLERS = 32  # at full speed
PATIENCE = 30.0  # seconds for an answer
SETTLING = 0.3  # seconds after a load in which what it left to do still counts


@dataclass(slots=True)
class Load:
    """What it came to. Times in seconds, from the moment at which a request was due."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)  # of streams: to the first token
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return len(self.took)

    @property
    def rate(self) -> float:
        """Answers a second, from the moment at which the first could have come."""
        return self.answered / (self.seconds - min(self.took)) if self.took else 0.0

    def add(self, reply: Reply, model: str, due: float) -> None:
        streamed = plan_of(model).streams
        if wrong := problem(reply, plan_of(model), streamed):
            self.problems[wrong] += 1
            return
        self.took.append(time.monotonic() - due)
        if streamed:
            self.first.append(reply.first - due)


def request(key: str, model: str = ANSWER, *headers: str) -> bytes:
    """The bytes of one. It may cost TOKENS, or as many as its model says."""
    plan = plan_of(model)
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": "Name three colours of the rainbow."}],
        "max_tokens": plan.completion_tokens,
        "stream": plan.streams,
    }
    body = json.dumps(asked).encode()
    target = Target(0, (f"Authorization: Bearer {key}", *headers))
    return target.head("POST /v1/chat/completions", len(body)) + body


class Lines:
    """Open connections to each gateway, those that are free."""

    def __init__(self, ports: Sequence[int], requests: Sequence[bytes]) -> None:
        self._ports = ports
        self._requests = requests
        self._free: dict[int, list[Caller]] = defaultdict(list)

    async def ask(self, number: int) -> Reply:
        """The answer to the one of that number: each request goes to every gateway in turn."""
        turn, gateway = divmod(number, len(self._ports))
        port, request = self._ports[gateway], self._requests[turn % len(self._requests)]
        free = self._free[port]
        caller = free.pop() if free else await Caller.connect(port)
        reply = await caller.exchange(request, PATIENCE)
        if caller.open:
            free.append(caller)
        return reply

    def close(self) -> None:
        for caller in itertools.chain(*self._free.values()):
            caller.close()


async def at_rate(
    ports: Sequence[int], requests: Sequence[bytes], model: str, rate: float, seconds: float
) -> Load:
    """A request is due every 1/rate seconds, whether or not others are answered."""
    load, lines = Load(), Lines(ports, requests)
    begun = time.monotonic()

    async def one(number: int, due: float) -> None:
        load.add(await lines.ask(number), model, due)

    asking: list[asyncio.Task[None]] = []
    for number in range(round(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(due - time.monotonic())
        asking.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*asking)
    load.seconds = time.monotonic() - begun
    lines.close()
    return load


async def flat_out(
    ports: Sequence[int], requests: Sequence[bytes], model: str, seconds: float
) -> Load:
    """CALLERS who ask again as soon as they are answered."""
    load, lines = Load(), Lines(ports, requests)
    begun = time.monotonic()
    numbers = itertools.count()

    async def caller() -> None:
        while (due := time.monotonic()) < begun + seconds:
            load.add(await lines.ask(next(numbers)), model, due)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    load.seconds = time.monotonic() - begun
    lines.close()
    return load
