"""Gateways on one Supabase project that is 80 ms away: streams of a model that takes 200 ms to its
first token, so that a round trip beside it should not be seen."""

import time
from dataclasses import dataclass
from statistics import median
from uuid import UUID

import uvloop

from bench.figures import p99
from bench.scale.fleet import Fleet, Project, counted, make_keys
from bench.scale.load import STREAM, Load, at_rate, request
from bench.workloads import plan_of

GATEWAYS = (1, 4, 10)
RATES = (20, 100, 250)
SECONDS = 3.0
KEYS = 50
AWAY = 0.08  # seconds


@dataclass(slots=True)
class FarCase:
    """`added`, `added_p99`: seconds to the first token beyond what the model takes, of half of them
    and of 99 %. `calls`: to the project for each answer; `settling`: those of them that count.
    `project_cpu`: cores that the stand-in took, which is one thread of Python."""

    whose: str
    gateways: int
    rate: int
    load: Load
    calls: float
    settling: float
    project_cpu: float
    off: int

    @property
    def added(self) -> float:
        return median(self.load.first or [0.0]) - plan_of(STREAM).thinking

    @property
    def added_p99(self) -> float:
        return p99(self.load.first) - plan_of(STREAM).thinking


class Far:
    def __init__(self, dsn: str, project: Project, fleet: Fleet) -> None:
        self._dsn = dsn
        self._project = project
        self._fleet = fleet
        self._callers: dict[str, tuple[list[bytes], list[UUID]]] = {}
        self._answers = dict[str, int]()

    def prepare(self) -> None:
        for whose, number in ((f"{KEYS} keys", KEYS), ("one key", 1)):
            texts, ids = uvloop.run(make_keys(self._dsn, number))
            self._callers[whose] = [request(key, STREAM) for key in texts], ids
            self._answers[whose] = 0

    @property
    def whose(self) -> list[str]:
        return list(self._callers)

    def warm(self) -> None:
        """Each gateway has met each key: the first call of a key has to wait for its verdict."""
        for whose in self.whose:
            requests, _ = self._callers[whose]
            seconds = max(1.0, len(requests) * len(self._fleet.ports) / 100)
            load = uvloop.run(at_rate(self._fleet.ports, requests, STREAM, 100, seconds))
            self._answers[whose] += load.answered

    def case(self, whose: str, rate: int) -> FarCase:
        return uvloop.run(self._case(whose, rate))

    async def _case(self, whose: str, rate: int) -> FarCase:
        requests, ids = self._callers[whose]
        self._project.calls()
        cpu, began = self._project.cpu(), time.monotonic()
        load = await at_rate(self._fleet.ports, requests, STREAM, rate, SECONDS)
        self._answers[whose] += load.answered
        told, _ = await counted(self._dsn, ids, self._answers[whose])
        cpu = (self._project.cpu() - cpu) / (time.monotonic() - began)
        calls = self._project.calls()
        answers = max(1, load.answered)
        return FarCase(
            whose,
            len(self._fleet.ports),
            rate,
            load,
            sum(calls.values()) / answers,
            calls.get("settle_requests", 0) / answers,
            cpu,
            abs(told - self._answers[whose]),
        )
