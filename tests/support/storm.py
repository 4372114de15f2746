"""Callers in an order of dice, what the model server does to each, and what breaks around them."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from tests.support.books import Row
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange
from tests.support.gateway_process import PATIENCE
from tests.support.watching_client import NOTHING, Client, Seen

REQUESTS = 400
CALLERS = 12
ENDS = ["well"] * 6 + ["cut", "ended early", "cut before", "cut after usage", "never"]
LEAVES = ["never"] * 6 + ["at once", "with a word", "with RST"]


class Plan:
    """What shall become of one request; its text tells the model server of it."""

    def __init__(self, number: int, dice: random.Random) -> None:
        self.number = number
        self.end = dice.choice(ENDS)
        self.leaves = dice.choice(LEAVES)
        self.stream = dice.random() < 0.7
        self.gateway = dice.randrange(2)
        if self.end == "never" and (self.leaves == "never" or not self.stream):
            self.leaves = "with a word" if self.stream else "at once"
        self.text = f"{number} {self.end}"


def counts_of(number: int) -> tuple[int, int]:
    """What the model reports for the request of this number."""
    return 50 + number, 2 + number % 20


async def behave(exchange: Exchange) -> None:
    number, _, end = exchange.text.partition(" ")
    prompt, completion = counts_of(int(number))
    if end == "cut before":
        exchange.cut()
        return
    if not exchange.json.get("stream"):
        if end == "never":
            await asyncio.Event().wait()
        await exchange.whole(exchange.completion("word " * completion, prompt, completion))
        return
    await exchange.head()
    for _ in range(completion):
        await exchange.words(("word ",))
        await asyncio.sleep(0.005)  # the pace of a model, so that failures hit running answers
    match end:
        case "well":
            await exchange.usage(prompt, completion)
        case "cut":
            exchange.cut()
        case "ended early":
            await exchange.end()
        case "cut after usage":
            reported = {"prompt_tokens": prompt, "completion_tokens": completion}
            await exchange.event(exchange.chunk([], reported))
            exchange.cut()
        case _:
            await asyncio.Event().wait()


class Storm:
    """Callers, and what breaks around them."""

    def __init__(self, gateways: list[GatewayProcess], key: str, seed: int) -> None:
        self.answers: list[tuple[Plan, Seen]] = []
        self._gateways = gateways
        self._key = key
        self._dice = random.Random(seed)
        self._plans = [Plan(number, self._dice) for number in range(REQUESTS)]
        self._left = self._plans
        self._changed = asyncio.Event()

    async def rage(self, failures: list[Callable[[], Awaitable[None]]]) -> None:
        """All requests, with a failure now and then."""
        left = self._left = list(reversed(self._plans))
        callers = [asyncio.create_task(self._call(left)) for _ in range(CALLERS)]
        everybody = asyncio.gather(*callers)
        for failure in itertools.cycle(failures):
            goal = len(self.answers) + self._dice.randrange(1, 30)
            await self._answered(min(goal, REQUESTS), everybody)
            if everybody.done():
                break
            await failure()
        await everybody

    @property
    def calms(self) -> bool:
        """Whether no request is left to be sent."""
        return not self._left

    async def _answered(self, goal: int, everybody: asyncio.Future[Any]) -> None:
        """Return when so many requests have ended, or everybody has."""
        while len(self.answers) < goal and not everybody.done():
            self._changed.clear()
            change = asyncio.create_task(self._changed.wait())
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait({change, everybody}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()

    async def _call(self, left: list[Plan]) -> None:
        while left:
            plan = left.pop()
            seen = await self._carry_out(plan)
            if seen is NOTHING:  # nobody listens there just now
                left.insert(0, plan)
                await asyncio.sleep(0.02)
                continue
            self.answers.append((plan, seen))
            self._changed.set()
            if seen.status != 200:
                await asyncio.sleep(0.02)  # as a client that was refused waits a little

    async def _carry_out(self, plan: Plan) -> Seen:
        url = self._gateways[plan.gateway].url
        try:
            client = await Client.ask(url, self._key, plan.text, stream=plan.stream)
        except OSError:
            return NOTHING
        if plan.leaves == "never":
            return await client.answer()
        reading = asyncio.create_task(client.read())
        if plan.leaves != "at once":
            words = asyncio.Event()
            client.on_bytes = lambda: words.set() if b"word" in client.seen().body else None
            saw = asyncio.create_task(words.wait())
            await asyncio.wait({reading, saw}, return_when=asyncio.FIRST_COMPLETED)
            saw.cancel()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await client.leave(reset=plan.leaves == "with RST")
        return client.seen(whole=not reading.cancelled() and reading.result())

    def check(self, rows: dict[UUID, Row]) -> None:
        """The books against what clients saw and the model server reported."""
        complete = sum(seen.complete for _, seen in self.answers)
        assert complete > REQUESTS / 10, "hardly anything worked: this shows nothing"
        assert len(rows) <= REQUESTS
        for plan, seen in self.answers:
            row = rows.get(seen.request_id) if seen.request_id else None
            assert seen.status in {0, 200, 502, 503, 504}, seen
            if seen.complete:
                assert plan.end == "well" or not plan.stream
                assert row is not None, "an answer was not counted"
                assert row.usage_source == "reported"
            elif seen.whole:
                assert seen.failed, f"a clean short answer: {seen}"
            if row is None:
                assert b"word" not in seen.body, "what was seen was not counted"
            elif row.usage_source == "reported":
                assert row.counts == counts_of(plan.number)
            elif b"word" in seen.body:
                assert row.usage_source == "estimated"
                assert 0 < row.completion_tokens <= 50
                assert row.prompt_tokens > 0
