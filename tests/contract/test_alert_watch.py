"""Alerts over every store: what gateways see and keys use reaches each channel once."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway.alerts import Alert, Seen
from gateway.alerts.local import Local
from gateway.alerts.watch import AlertWatch
from gateway.stores import Settlement, Store
from tests.contract.conftest import Backend
from tests.support.postgres import own_postgres
from tests.support.sql.ledger import Key
from tests.support.store_calls import ask, create

__all__ = ["own_postgres"]  # two tests stop it
pytestmark = pytest.mark.anyio


class Told:
    """A channel that keeps what it is given. `problem`: why it takes nothing."""

    def __init__(self, name: str = "a") -> None:
        self.name = name
        self.problem: str | Exception | None = None
        self.alerts: list[Alert] = []

    async def send(self, alert: Alert) -> str | None:
        self.alerts.append(alert)
        if isinstance(self.problem, Exception):
            raise self.problem
        return self.problem

    def take(self) -> list[str]:
        """What came since the last time."""
        came, self.alerts = self.alerts, []
        return [f"{one.kind} {one.state} {one.level}" for one in came]


class Sight:
    """In the place of an observer."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.away = True  # for a minute, when it is
        self.store_time: datetime | None = None
        self.told_at = datetime.now(UTC)

    async def look(self) -> list[Seen]:
        return self.seen

    def store_away(self, away: bool) -> Seen | None:
        if away and not self.away:
            return None
        return Seen("store home", "store", away, {"machine": "home"})


class Gateway:
    def __init__(self, store: Store, folder: Path, *channels: Told) -> None:
        self.sight = Sight()
        self.channels = channels or (Told(),)
        self.told = self.channels[0]
        local = Local(folder / "alerts.json", [one.name for one in self.channels])
        self.watch = AlertWatch(store, self.sight, local, self.channels)  # type: ignore[arg-type]


@pytest.fixture
def start(store: Store, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def start(*channels: Told) -> Gateway:
            folder = tmp_path / uuid4().hex
            folder.mkdir()
            made = Gateway(store, folder, *channels)
            stack.callback(made.watch.close)
            return made

        yield start


async def use(store: Store, key: Key, tokens: int) -> None:
    wanted = ask(key, prompt_bound=tokens, max_output=1)
    assert (await store.authorize(wanted)).allowed
    await store.settle([Settlement(wanted.request_id, tokens, 0, "reported")])


def down(url: str = "a", *, holds: bool = True) -> Seen:
    return Seen(f"model_server {url}", "model_server", holds, {"url": url, "machine": "home"})


async def test_of_two_gateways_one_tells_what_both_see_and_what_keys_use(store: Store, start: Any):
    one, other = start(), start()
    for gateway in (one, other):
        await gateway.watch.once()
    key = await create(store, p_monthly_token_limit=1000, p_label="Shop")
    for tokens in (500, 300, 195):
        await use(store, key, tokens)
        for gateway in (one, other):
            gateway.sight.seen = [down()]
            await gateway.watch.once()
    for gateway in (one, other, one, other):
        gateway.sight.seen = [down(holds=False)]
        await gateway.watch.once()
    assert [each.about["key"]["name"] for each in one.told.alerts if each.kind == "key_quota"]
    assert sorted(one.told.take() + other.told.take()) == [
        *("key_quota began 100", "key_quota began 50", "key_quota began 80"),
        *("model_server began 1", "model_server over 1"),
    ]


async def test_a_channel_that_takes_nothing_is_tried_again_and_the_other_is_not(
    backend: Backend, start: Any
):
    broken, good = Told("broken"), Told("good")
    broken.problem = "it answered 500"
    gateway = start(broken, good)
    await gateway.watch.once()
    gateway.sight.seen = [down()]
    for _ in range(3):
        await gateway.watch.once()
    assert (broken.take(), good.take()) == (["model_server began 1"], ["model_server began 1"])
    broken.problem = ValueError("with hunter2 in its text")
    await pass_by(backend, timedelta(seconds=31))
    await gateway.watch.once()
    assert (broken.take(), good.take()) == (["model_server began 1"], [])
    (listed,) = (await backend.store.admin("list_alerts", {"p_limit": 10}))["data"]
    problems = {one["channel"]: (one["attempts"], one["problem"]) for one in listed["deliveries"]}
    assert problems == {"broken": (2, "it failed (ValueError)"), "good": (1, None)}
    broken.problem = None
    await pass_by(backend, timedelta(seconds=61))
    await gateway.watch.once()
    assert (broken.take(), good.take()) == (["model_server began 1"], [])
    await pass_by(backend, timedelta(days=1))
    await gateway.watch.once()
    assert broken.take() == []


async def pass_by(backend: Backend, time: timedelta) -> None:
    """As if so much time had passed for what waits to be delivered."""
    sql = "update gateway.alert_deliveries set due_at = due_at - $1::interval"
    await backend.ledger.connection.execute(sql, time)


async def test_many_alerts_are_all_told_at_once(start: Any):
    gateway = start()
    await gateway.watch.once()
    gateway.sight.seen = [down(str(number)) for number in range(23)]
    await gateway.watch.once()
    assert [one.about["url"] for one in gateway.told.alerts] == [str(n) for n in range(23)]


async def test_the_gateway_learns_what_time_it_is_for_the_store(start: Any):
    gateway = start()
    await gateway.watch.once()
    assert abs(gateway.sight.store_time - gateway.sight.told_at) < timedelta(minutes=1)


async def test_while_the_store_is_away_the_gateway_tells_and_then_nothing_twice(
    backend: Backend, start: Any
):
    gateway = start()
    await gateway.watch.once()
    gateway.sight.seen = [down("before")]
    await gateway.watch.once()
    assert gateway.told.take() == ["model_server began 1"]

    backend.kill()
    gateway.sight.away = False  # not for a minute yet
    await gateway.watch.once()
    assert gateway.told.take() == []
    gateway.sight.away = True
    gateway.sight.seen = [down("before"), down("during"), down("short")]
    for _ in range(2):
        await gateway.watch.once()
    assert gateway.told.take() == ["store began 1", *2 * ["model_server began 1"]]
    gateway.sight.seen = [down("before"), down("during"), down("short", holds=False)]
    await gateway.watch.once()
    assert gateway.told.take() == ["model_server over 1"]

    await backend.restart()
    for _ in range(2):
        await gateway.watch.once()
    assert gateway.told.take() == ["store over 1"]
    gateway.sight.seen = [down(url, holds=False) for url in ("before", "during", "short")]
    for _ in range(2):
        await gateway.watch.once()
    assert gateway.told.take() == 2 * ["model_server over 1"]


async def test_what_came_of_an_attempt_is_kept_until_the_store_knows_it(
    backend: Backend, start: Any
):
    class Killing(Told):
        async def send(self, alert: Alert) -> str | None:
            if alert.kind == "model_server":
                await asyncio.to_thread(backend.kill)
            return await super().send(alert)

    gateway = start(Killing())
    await gateway.watch.once()
    gateway.sight.seen = [down()]
    gateway.sight.away = False
    await gateway.watch.once()
    assert gateway.told.take() == ["model_server began 1"]
    await backend.restart()
    await pass_by(backend, timedelta(minutes=6))  # its lease is over
    await gateway.watch.once()
    assert gateway.told.take() == []
