"""The same storm over RPC: a distant project that is slow, faulty, or away, and two gateways."""

import asyncio
import random
from functools import partial
from pathlib import Path

import pytest

from tests.support.books import Books
from tests.support.failing_parts import eventually
from tests.support.fake_upstream import FakeUpstream
from tests.support.postgrest.stand_in import Call, Fault, StandIn, stand_in
from tests.support.storm import Storm, behave
from tests.support.supabase_project import gateway_of, nothing_waits

SEEDS = [1, 2]
GRACE = 1.0  # seconds; an outage here lasts longer, as one of ten minutes does for the default
QUICK = [
    *(Fault.LOSE_ANSWER, Fault.CUT_BODY, Fault.ERROR_500, Fault.BUSY_503),
    *(Fault.REFUSE, Fault.PAUSED_540, Fault.HTML_502),
]
HANGING = [Fault.HANG, Fault.HANG_AFTER]  # each costs a time-out


class Weather:
    """What the project does to its calls."""

    def __init__(self, project: StandIn, dice: random.Random) -> None:
        self.project = project
        self._dice = dice
        self._hangs: list[Fault] = []
        self._share = 0.0
        project.fault = self._fault

    def _fault(self, call: Call) -> Fault | None:
        if self._hangs and call.function in {"authorize_request", "settle_requests"}:
            return self._hangs.pop()
        return self._dice.choice(QUICK) if self._dice.random() < self._share else None

    async def slow(self) -> None:
        self.project.latency = self._dice.uniform(0.0, 0.1)

    async def faulty(self) -> None:
        self._share = self._dice.uniform(0.1, 0.5)

    async def hanging(self) -> None:
        self._hangs = [self._dice.choice(HANGING)]

    async def clear(self) -> None:
        self.project.latency = self._share = 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_counter_log_clients_and_model_server_agree_after_all_that_can_fail_on_the_way(
    home: Path, dsn: str, upstream: FakeUpstream, seed: int
) -> None:
    async def play(project: StandIn) -> None:
        upstream.behave = behave
        books = Books(dsn)
        key = await books.make_key()
        homes = [home / "first", home / "second"]
        for directory in homes:
            directory.mkdir()
        first, second = (
            gateway_of(project, one, upstream, OFFLINE_GRACE_SECONDS=GRACE) for one in homes
        )
        weather = Weather(project, random.Random(seed))

        async def refused() -> bool:
            told = any(b"key database" in seen.body for _, seen in storm.answers[-20:])
            return told or storm.calms

        async def a_long_outage() -> None:
            await asyncio.to_thread(project.stop)
            await eventually(refused)
            await asyncio.to_thread(project.start)

        async def a_restart_in_an_outage() -> None:
            await asyncio.to_thread(project.stop)
            await first.kill()
            await first.start()
            await asyncio.to_thread(project.start)

        async def stop_the_second() -> None:
            assert await second.stop() == 0
            await second.start()

        async with first, second:
            storm = Storm([first, second], key, seed)
            await storm.rage(
                [
                    *(weather.slow, weather.faulty, stop_the_second, weather.hanging),
                    *(weather.clear, a_long_outage, a_restart_in_an_outage),
                ]
            )
            await weather.clear()
            for gateway in (first, second):  # what was served in an outage has no hold to wait for
                await eventually(partial(nothing_waits, gateway))
            rows = await books.settled()
            for gateway in (first, second):
                assert await gateway.stop() == 0
            assert await books.balanced() == rows
            storm.check(rows)

    with stand_in(dsn) as project:
        asyncio.run(play(project))
