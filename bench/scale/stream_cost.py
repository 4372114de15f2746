"""What a streamed token costs a gateway: the same streams once short and once long."""

import asyncio
from dataclasses import dataclass

import uvloop

from bench.scale.fleet import Fleet, counted, make_keys
from bench.scale.load import SETTLING, at_rate, request
from bench.scale.watch import watching
from bench.workloads import plan_of
from tests.support.postgres import Server

SHORT, LONG = "paced-40x1", "paced-40x4"  # 40 tokens a second, each sent by itself
RATE, SECONDS = 50, 3.0  # streams a second, and for how long they begin


@dataclass(slots=True)
class StreamCost:
    """CPU in seconds: of the gateway for each token; of both for the rest of a stream."""

    token: float
    gateway: float
    postgres: float

    def cores(self, tokens_a_second: float, tokens_an_answer: float) -> float:
        """CPU that serving so much takes."""
        answers = tokens_a_second / tokens_an_answer
        return tokens_a_second * self.token + answers * (self.gateway + self.postgres)


def stream_cost(server: Server, dsn: str, fleet: Fleet) -> StreamCost:
    """With the one gateway that runs."""
    (key,), ids = uvloop.run(make_keys(dsn, 1))
    found = [uvloop.run(_cost(server, dsn, fleet, key, model)) for model in (SHORT, LONG)]
    uvloop.run(counted(dsn, ids, 0))
    (short, postgres), (long, _) = found
    few, many = (plan_of(model).completion_tokens for model in (SHORT, LONG))
    token = (long - short) / (many - few)
    return StreamCost(token, short - few * token, postgres)


async def _cost(
    server: Server, dsn: str, fleet: Fleet, key: str, model: str
) -> tuple[float, float]:
    """CPU of gateway and Postgres for one stream."""
    before = fleet.cpu()
    async with watching(server, dsn) as seen:
        load = await at_rate(fleet.ports, [request(key, model)], model, RATE, SECONDS)
        await asyncio.sleep(SETTLING)
    return (fleet.cpu() - before) / load.answered, seen.cpu / load.answered
