"""Gateways beside one Postgres: many keys, one key, the visitors of one key; and a key's limit."""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import uvloop

from bench.caller import Caller
from bench.scale.fleet import Fleet, counted, make_keys
from bench.scale.load import (
    ANSWER,
    PATIENCE,
    SETTLING,
    TOKENS,
    Load,
    at_rate,
    flat_out,
    request,
)
from bench.scale.watch import Seen, watching
from tests.support.postgres import Server

GATEWAYS = (1, 2, 4, 10)
RATES = (50, 200, None)  # requests a second; None: as fast as they can
SECONDS = 3.0
WARMING = 1.5
KEYS = 100
VISITORS = 64
BY_ADDRESS = {"by": ["address"], "tokens_per_day": 10**12, "requests_per_min": 1_000_000}


@dataclass(slots=True)
class Case:
    """One row. `off`: answers that were not counted, or counted without an answer."""

    whose: str
    gateways: int
    rate: int | None
    load: Load
    seen: Seen
    gateway_cpu: float
    off: int


class Near:
    def __init__(self, server: Server, dsn: str, fleet: Fleet) -> None:
        self._server = server
        self._dsn = dsn
        self._fleet = fleet
        self._callers: dict[str, tuple[list[bytes], list[UUID]]] = {}
        self._counted: Counter[str] = Counter()

    def prepare(self) -> None:
        """Make the keys."""
        many, ids = uvloop.run(make_keys(self._dsn, KEYS))
        self._callers[f"{KEYS} keys"] = [request(key) for key in many], ids
        one, ids = uvloop.run(make_keys(self._dsn, 1))
        self._callers["one key"] = [request(one[0])], ids
        site, ids = uvloop.run(make_keys(self._dsn, 1, visitors=BY_ADDRESS))
        here = (f"X-Forwarded-For: 192.0.2.{number}" for number in range(1, VISITORS + 1))
        asked = [request(site[0], ANSWER, address) for address in here]
        self._callers[f"{VISITORS} visitors of one key"] = asked, ids

    @property
    def whose(self) -> list[str]:
        return list(self._callers)

    def warm(self) -> None:
        """Each gateway knows the model, and Postgres has planned its work on each connection: with
        a hundred of them, that takes seconds."""
        for whose, (requests, _) in self._callers.items():
            load = uvloop.run(flat_out(self._fleet.ports, requests, ANSWER, WARMING))
            self._counted[whose] += load.answered

    def case(self, whose: str, rate: int | None) -> Case:
        return uvloop.run(self._case(whose, rate))

    async def _case(self, whose: str, rate: int | None) -> Case:
        requests, ids = self._callers[whose]
        ports = self._fleet.ports
        cpu = self._fleet.cpu()
        async with watching(self._server, self._dsn) as seen:
            if rate is None:
                load = await flat_out(ports, requests, ANSWER, SECONDS)
            else:
                load = await at_rate(ports, requests, ANSWER, rate, SECONDS)
            await asyncio.sleep(SETTLING)
        cpu = self._fleet.cpu() - cpu
        self._counted[whose] += load.answered
        told, tokens = await counted(self._dsn, ids, self._counted[whose])
        off = max(abs(told - self._counted[whose]), int(tokens != TOKENS * told))
        return Case(whose, len(ports), rate, load, seen, cpu, off)


@dataclass(slots=True)
class Limit:
    """A limit that many callers ran into at once. `told`: what they were answered, by code. `used`:
    tokens of their answers, by the model."""

    whose: str
    gateways: int
    callers: int
    limit: int
    told: Counter[str]
    used: int = 0
    requests: int = 0  # as they were counted
    tokens: int = 0

    @property
    def answered(self) -> int:
        return self.told["answered"]

    @property
    def overspent(self) -> int:
        """Tokens beyond the limit, charged or not."""
        return max(0, self.used - self.limit, self.tokens - self.limit)


_SPENDS = "spends-1024"  # its answers take all that they are granted
_TOTAL = re.compile(rb'"total_tokens":([0-9]+)')
_OVER = {"insufficient_quota", "visitor_quota"}


async def run_into(
    dsn: str, ports: Sequence[int], whose: str, limit: int, callers: int, **fields: object
) -> Limit:
    """Callers of every gateway ask with one key until they are told that it is used up."""
    (key,), ids = await make_keys(dsn, 1, **fields)
    asked = request(key, _SPENDS, "X-Forwarded-For: 192.0.2.1")
    made = Limit(whose, len(ports), callers, limit, Counter())

    async def caller(port: int) -> None:
        line = await Caller.connect(port)
        code = ""
        while code not in _OVER and line.open:
            reply = await line.exchange(asked, PATIENCE)
            code = "answered"
            if reply.status != 200 or reply.error:
                code = reply.error or json.loads(reply.body)["error"]["code"]
                await asyncio.sleep(0.02)  # the rest is held: others may use less than that
            elif total := _TOTAL.search(reply.body):
                made.used += int(total[1])
            made.told[code] += 1
        line.close()

    at = itertools.islice(itertools.cycle(ports), callers)
    await asyncio.gather(*(caller(port) for port in at))
    made.requests, made.tokens = await counted(dsn, ids, made.answered)
    return made


def limits(dsn: str, ports: Sequence[int]) -> list[Limit]:
    """A key's month, and a visitor's day: room for 300 answers, and a rest that no answer fits."""
    limit = 300 * TOKENS + 100
    by_address = {**BY_ADDRESS, "tokens_per_day": limit}
    return [
        uvloop.run(run_into(dsn, ports, "a key's month", limit, 80, monthly_token_limit=limit)),
        uvloop.run(run_into(dsn, ports, "a visitor's day", limit, 80, visitors=by_address)),
    ]
