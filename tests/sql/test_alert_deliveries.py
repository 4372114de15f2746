"""Deliveries of alerts: one gateway at a time attempts one, until it is delivered."""

import asyncio
import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from tests.sql.test_alerts import DOWN, MINUTE, UP, watch
from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, open_ledger

pytestmark = pytest.mark.anyio

LEASE = timedelta(minutes=5)


async def ids(
    ledger: Ledger, at: datetime, *channels: str, seen: tuple[dict[str, object], ...] = ()
) -> list[tuple[str, str]]:
    """(alert, channel) of the deliveries that a gateway is given."""
    given = await watch(ledger, at, *seen, channels=channels, gateway=uuid4())
    return [(one["id"], one["channel"]) for one in given]


async def came(
    ledger: Ledger, at: datetime, delivery: tuple[str, str], problem: str | None
) -> None:
    attempt = {"id": delivery[0], "channel": delivery[1], "problem": problem}
    await ledger.admin("note_deliveries", at, json.dumps([attempt]))


async def test_an_alert_goes_to_each_channel_once(ledger: Ledger):
    given = await watch(ledger, NOON, DOWN, channels=("a", "b"))
    (alert,) = {one["id"] for one in given}
    about = {"kind": "model_server", "state": "began", "level": 1, "about": {"url": "a"}}
    time = {"time": "2030-01-15T12:00:00Z"}
    assert given == [{"id": alert, "channel": one} | about | time for one in ("a", "b")]
    for channel in ("a", "b"):
        await came(ledger, NOON, (alert, channel), None)
    assert await ids(ledger, NOON + DAY, "a", "b") == []


async def test_a_channel_that_is_new_is_told_of_what_comes_not_of_what_was(ledger: Ledger):
    await ids(ledger, NOON, "a", seen=(DOWN,))
    assert await ids(ledger, NOON + MINUTE, "b") == []
    given = await watch(ledger, NOON + 5 * MINUTE, UP, channels=("b",))
    assert [(one["state"], one["channel"]) for one in given] == [("over", "b")]


async def test_a_channel_that_is_back_after_a_weekend_is_told_all_and_after_weeks_what_comes(
    ledger: Ledger,
):
    await ids(ledger, NOON, "a", "b")
    await watch(ledger, NOON, DOWN)
    assert len(await ids(ledger, NOON + 3 * DAY, "a")) == 1
    assert await ids(ledger, NOON + 8 * DAY, "b") == []
    other = DOWN | {"topic": "another"}
    assert len(await ids(ledger, NOON + 8 * DAY, "b", seen=(other,))) == 1


async def test_a_channel_that_takes_nothing_keeps_no_other_waiting(ledger: Ledger):
    await ids(ledger, NOON, "a", "b")
    seen = tuple(DOWN | {"topic": f"{number:02}"} for number in range(20))
    await watch(ledger, NOON, *seen)
    at = NOON + timedelta(hours=1)
    while given := await ids(ledger, NOON, "a"):
        for one in given:
            await came(ledger, NOON, one, "no answer in time")
    channels = [channel for _, channel in await ids(ledger, at, "a", "b")]
    assert channels == 5 * ["b"]


async def test_a_gateway_without_channels_takes_nothing_from_one_that_has_them(ledger: Ledger):
    await ids(ledger, NOON, "a")
    assert await ids(ledger, NOON, seen=(DOWN,)) == []
    assert len(await ids(ledger, NOON, "a")) == 1


async def test_of_many_gateways_one_gets_a_delivery_and_after_its_death_another(
    ledger: Ledger, database: str
):
    await ids(ledger, NOON, "a")
    await watch(ledger, NOON, DOWN)
    others = [await open_ledger(database) for _ in range(6)]
    try:
        given = await asyncio.gather(*(ids(one, NOON, "a") for one in others))
        assert sorted(map(len, given)) == [0, 0, 0, 0, 0, 1]
        assert await ids(ledger, NOON + LEASE - SECOND, "a") == []
        again = await asyncio.gather(*(ids(one, NOON + LEASE, "a") for one in others))
        assert sorted(again) == sorted(given)
    finally:
        for one in others:
            await one.connection.close()


async def test_a_failed_attempt_is_made_again_after_longer_and_longer_pauses(ledger: Ledger):
    at = NOON
    (delivery,) = await ids(ledger, at, "a", seen=(DOWN,))
    pauses: list[float] = []
    for _ in range(13):
        await came(ledger, at, delivery, "refused" * 100)
        failed = at
        while not await ids(ledger, at, "a"):
            at += timedelta(seconds=30)
        pauses.append((at - failed).total_seconds())
    assert pauses[:5] == [30, 60, 120, 240, 480]
    assert pauses[-4:] == [15360, 21600, 21600, 21600]
    (listed,) = (await ledger.admin("list_alerts", at, 10))["data"]
    (shown,) = listed["deliveries"]
    assert (shown["attempts"], len(shown["problem"])) == (14, 200)
    await came(ledger, at, delivery, None)
    (listed,) = (await ledger.admin("list_alerts", at, 10))["data"]
    (shown,) = listed["deliveries"]
    assert shown["delivered_at"] and not shown["problem"] and not shown["next_attempt_at"]


async def test_a_late_word_of_a_failure_undoes_no_delivery(ledger: Ledger):
    (delivery,) = await ids(ledger, NOON, "a", seen=(DOWN,))
    await came(ledger, NOON, delivery, None)
    await came(ledger, NOON, delivery, "no answer in time")
    assert await ids(ledger, NOON + DAY, "a") == []


async def test_a_clock_that_was_ahead_puts_nothing_off(ledger: Ledger):
    (delivery,) = await ids(ledger, NOON + 400 * DAY, "a", seen=(DOWN,))
    await came(ledger, NOON + 400 * DAY, delivery, "refused")
    assert await ids(ledger, NOON, "a") == [delivery]


async def test_many_alerts_come_in_parts_oldest_first(ledger: Ledger):
    seen = tuple(DOWN | {"topic": f"{number:02}", "about": {"n": number}} for number in range(12))
    given = [await watch(ledger, NOON, *seen, channels=("a",), gateway=uuid4())]
    while given[-1]:
        given.append(await watch(ledger, NOON, channels=("a",), gateway=uuid4()))
    assert [[one["about"]["n"] for one in part] for part in given] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
        [10, 11],
        [],
    ]


async def test_the_list_shows_the_newest_first_and_as_many_as_wanted(ledger: Ledger):
    for minute in range(6):
        await watch(ledger, NOON + minute * MINUTE, DOWN if minute % 2 == 0 else UP)
    data = (await ledger.admin("list_alerts", NOON, 4))["data"]
    assert [one["state"] for one in data] == ["over", "began", "over", "began"]
    assert data[0]["time"] == "2030-01-15T12:05:00Z"
    assert data[0]["deliveries"] == []
