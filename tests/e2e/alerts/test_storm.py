"""Alerts of two gateways that are killed, to a place that fails: each crossing is told once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.alerting import AlertingGateway, Owner, make_hasty
from tests.support.failing_parts import eventually
from tests.support.fake_upstream import FakeUpstream, fake_upstream
from tests.support.postgres import Server, own_postgres
from tests.support.receiver import Receiver, receiver
from tests.support.sql.ledger import Key, Ledger, open_ledger, settlement

__all__ = ["own_postgres"]

KEYS = 8
LIMIT = 100_000
STEPS = ((50, 51_000), (80, 30_000), (100, 18_900))  # the level, and what leads there
SEEN = "topic like 'seen/model_server%'"
UNTOLD = """
select count(*) from gateway.alerts as a, gateway.alert_channels as c
where not exists (
    select 1 from gateway.alert_deliveries as d
    where d.alert_id = a.id and d.channel = c.channel and d.delivered_at is not null
)
"""


@pytest.fixture
def place() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    """One of its own, to be stopped."""
    with fake_upstream() as running:
        yield running


class Play:
    def __init__(self, ledger: Ledger, pair: list[AlertingGateway], owner: Owner, seed: int):
        self.ledger, self.pair, self.owner = ledger, pair, owner
        self.dice = random.Random(seed)
        self.keys: list[Key] = []
        self.expected = 0

    async def until(self, sql: str, true: Callable[[int], bool]) -> None:
        async def there() -> bool:
            return true(await self.ledger.value(sql))

        await eventually(there)

    async def made(self, more: int) -> None:
        """So many more alerts are there."""
        self.expected += more
        await self.until("select count(*) from gateway.alerts", lambda n: n >= self.expected)

    async def kill(self) -> None:
        victims = self.dice.choice([self.pair[:1], self.pair[1:], self.pair])
        await asyncio.gather(*(one.kill() for one in victims))
        self.owner.let_go()
        await asyncio.gather(*(one.start() for one in victims))

    async def use_up_keys(self) -> None:
        """Gateways die now and then, while one of them delivers."""
        now = datetime.now(UTC)
        labels = [f"key {number}" for number in range(KEYS)]
        self.keys = [await self.ledger.key(now, limit=LIMIT, label=label) for label in labels]
        for _, tokens in STEPS:
            for key in self.keys:
                dies = self.dice.random() < 0.3
                if dies:
                    self.owner.set_trap()
                request = await self.ledger.hold(key, now, prompt=tokens, output=1)
                await self.ledger.settle(settlement(request, tokens, 0), at=now)
                if dies:
                    await self.owner.caught()
                    await self.kill()
            await self.made(KEYS)

    async def stop_and_start(self, upstream: FakeUpstream) -> None:
        await asyncio.to_thread(upstream.stop)
        await self.made(1)
        await self.kill()
        # It is over as soon as one that lives has seen it, and then sees that it is.
        conditions = f"gateway.alert_conditions where {SEEN}"
        await self.ledger.value(f"update gateway.alert_conditions set seen_by = null where {SEEN}")
        await self.until(f"select count(seen_by) from {conditions}", lambda n: n == 1)
        await asyncio.to_thread(upstream.start)
        await self.made(1)


@pytest.mark.parametrize("seed", [1, 2])
def test_each_crossing_is_delivered_once_by_two_gateways_that_are_killed(
    home: Path, dsn: str, upstream: FakeUpstream, place: Receiver, seed: int
) -> None:
    async def run(ledger: Ledger) -> Play:
        pair: list[AlertingGateway] = []
        for name in ("first", "second"):
            (home / name).mkdir()
            pair.append(AlertingGateway(home / name, upstream.url, dsn, place))
        play = Play(ledger, pair, Owner(place, seed), seed)
        async with pair[0], pair[1]:
            await play.until("select count(*) from gateway.alert_channels", lambda n: n == 2)
            await play.use_up_keys()
            await play.stop_and_start(upstream)
            await play.until(UNTOLD, lambda n: n == 0)
        return play

    play = asyncio.run(with_ledger(dsn, run))
    assert play.owner.wrong == []
    assert play.owner.refused
    crossings = {
        *(("key_quota.began", str(key.id), level) for key in play.keys for level, _ in STEPS),
        *((f"model_server.{state}", upstream.url, 1) for state in ("began", "over")),
    }
    assert play.owner.crossings() == dict.fromkeys(crossings, 1)
    assert len(play.owner.texts) == len(crossings)


async def with_ledger(dsn: str, run: Callable[[Ledger], Awaitable[Play]]) -> Play:
    await make_hasty(dsn)
    ledger = await open_ledger(dsn)
    try:
        return await run(ledger)
    finally:
        with suppress(Exception):
            await ledger.connection.close()


@pytest.mark.parametrize("killed", [0, 1])
def test_of_gateways_with_one_directory_one_tells_that_the_database_is_away_and_back(
    home: Path, dsn: str, postgres: Server, upstream: FakeUpstream, place: Receiver, killed: int
) -> None:
    owner = Owner(place, 3)
    pair = [AlertingGateway(home, upstream.url, dsn, place) for _ in range(2)]

    async def told(message: str) -> None:
        async def there() -> bool:
            return any(kind == message for kind, _, _ in owner.crossings())

        await eventually(there)

    async def play() -> None:
        async with pair[0], pair[1]:
            await asyncio.to_thread(postgres.kill)
            await told("store.began")
            await pair[killed].kill()
            await asyncio.to_thread(postgres.start)
            await told("store.over")
            assert await pair[1 - killed].stop() == 0

    asyncio.run(play())
    assert owner.wrong == []
    counts = sorted((kind, count) for (kind, _, _), count in owner.crossings().items())
    assert counts == [("store.began", 1), ("store.over", 1)]
