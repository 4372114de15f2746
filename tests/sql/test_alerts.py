"""Alerts: each crossing makes one, whoever sees it, and what is over can come again."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Key, Ledger, open_ledger, settlement

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ONE, OTHER = uuid4(), uuid4()
DOWN = {"topic": "model_server/a", "kind": "model_server", "holds": True, "about": {"url": "a"}}
UP = DOWN | {"holds": False}


async def watch(
    ledger: Ledger,
    at: datetime = NOON,
    *seen: dict[str, Any],
    channels: tuple[str, ...] = (),
    gateway: UUID = ONE,
) -> list[dict[str, Any]]:
    """The deliveries that the gateway is given."""
    told = await ledger.admin("watch_alerts", at, json.dumps(seen), channels, gateway)
    return told["deliveries"]


async def told(ledger: Ledger) -> list[tuple[str, str, int]]:
    """(kind, state, level) of every alert, oldest first."""
    rows = await ledger.connection.fetch(
        "select kind, state, level from gateway.alerts order by number"
    )
    return [tuple(row) for row in rows]


async def use(ledger: Ledger, key: Key, tokens: int, at: datetime = NOON) -> None:
    request = await ledger.hold(key, at, prompt=tokens, output=1)
    await ledger.settle(settlement(request, tokens, 0), at=at)


async def test_a_key_that_uses_its_month_is_told_at_50_80_and_100_percent_once_each(
    ledger: Ledger,
):
    key = await ledger.key(limit=100_000)
    for tokens in (40_000, 15_000, 10_000, 20_000, 14_800):
        await use(ledger, key, tokens)
        await watch(ledger)
        await watch(ledger, gateway=OTHER)
    assert await told(ledger) == [("key_quota", "began", level) for level in (50, 80, 100)]
    about = json.loads(await ledger.value("select about from gateway.alerts where level = 80"))
    assert about == {
        "key": {"id": str(key.id), "name": "a key"},
        "used": 85_000,
        "limit": 100_000,
        "resets_at": "2030-02-01T00:00:00Z",
    }


async def test_a_jump_over_several_levels_is_one_alert(ledger: Ledger):
    await use(ledger, await ledger.key(limit=1000), 900)
    await watch(ledger)
    assert await told(ledger) == [("key_quota", "began", 80)]


async def test_what_is_held_is_not_used(ledger: Ledger):
    await ledger.hold(await ledger.key(limit=1000), prompt=990, output=10)
    await watch(ledger)
    assert await told(ledger) == []


async def test_a_new_month_and_a_raised_limit_can_be_used_up_again(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await use(ledger, key, 600)
    await watch(ledger)
    await ledger.admin("update_api_key", NOON, key.id, json.dumps({"monthly_token_limit": 2000}))
    await watch(ledger)
    await use(ledger, key, 500)
    await watch(ledger)
    month_later = NOON + 31 * DAY
    await watch(ledger, month_later)
    assert await told(ledger) == 2 * [("key_quota", "began", 50)]
    await use(ledger, key, 1100, month_later)
    await watch(ledger, month_later)
    assert await told(ledger) == 3 * [("key_quota", "began", 50)]


async def test_a_clock_that_is_in_another_month_for_a_while_tells_nothing_again(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await use(ledger, key, 600)
    for at in (NOON, NOON + 40 * DAY, NOON):
        await watch(ledger, at)
    assert await told(ledger) == [("key_quota", "began", 50)]


async def test_a_key_that_is_revoked_or_unlimited_by_nothing_is_quiet(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await use(ledger, key, 900)
    await ledger.admin("revoke_api_key", NOON, key.id)
    await ledger.key(limit=0)
    await watch(ledger)
    assert await told(ledger) == []


async def test_a_key_s_end_is_told_seven_days_and_one_day_before(ledger: Ledger):
    end = NOON + 30 * DAY
    key = await ledger.key(expires_at=end)
    for days in (8, 7, 6, 2, 1, 0.5, -1):
        await watch(ledger, end - days * DAY)
    assert await told(ledger) == [("key_expiry", "began", 1), ("key_expiry", "began", 2)]
    later = json.dumps({"expires_at": (end + 20 * DAY).isoformat()})
    await ledger.admin("update_api_key", end - 2 * DAY, key.id, later)
    await watch(ledger, end + 14 * DAY)
    assert (await told(ledger))[2:] == [("key_expiry", "began", 1)]


async def test_a_key_made_for_a_short_time_needs_no_word_of_its_end(ledger: Ledger):
    await ledger.key(expires_at=NOON + HOUR)
    await ledger.key(expires_at=NOON + 3 * DAY)
    await watch(ledger)
    assert await told(ledger) == []
    await watch(ledger, NOON + 2.5 * DAY)
    assert await told(ledger) == [("key_expiry", "began", 2)]


async def test_what_two_gateways_see_is_told_once_and_so_is_its_end(ledger: Ledger):
    for minute in range(5):
        await watch(ledger, NOON + minute * MINUTE, DOWN, gateway=ONE)
        await watch(ledger, NOON + minute * MINUTE, DOWN, gateway=OTHER)
    for minute in range(5, 9):
        await watch(ledger, NOON + minute * MINUTE, UP, gateway=ONE)
        await watch(ledger, NOON + minute * MINUTE, UP, gateway=OTHER)
    assert await told(ledger) == [("model_server", "began", 1), ("model_server", "over", 1)]
    about = json.loads(await ledger.value("select about from gateway.alerts where state = 'over'"))
    assert about == {"url": "a", "since": "2030-01-15T12:00:00Z"}
    await watch(ledger, NOON + HOUR, DOWN)
    assert (await told(ledger))[2:] == [("model_server", "began", 1)]


async def test_who_saw_it_just_before_it_ended_begins_nothing(ledger: Ledger):
    await watch(ledger, NOON, DOWN, gateway=ONE)
    await watch(ledger, NOON + MINUTE, UP, gateway=ONE)
    await watch(ledger, NOON + MINUTE + SECOND, DOWN, gateway=OTHER)
    assert [state for _, state, _ in await told(ledger)] == ["began", "over"]
    await watch(ledger, NOON + 2 * MINUTE, DOWN, gateway=OTHER)
    assert [state for _, state, _ in await told(ledger)] == ["began", "over", "began"]


async def test_it_is_not_over_as_long_as_one_gateway_sees_it(ledger: Ledger):
    for minute in range(10):
        await watch(ledger, NOON + minute * MINUTE, DOWN, gateway=ONE)
        await watch(ledger, NOON + minute * MINUTE, UP, gateway=OTHER)
    assert await told(ledger) == [("model_server", "began", 1)]
    await watch(ledger, NOON + HOUR, UP, gateway=OTHER)  # the first has died
    assert (await told(ledger))[1:] == [("model_server", "over", 1)]


async def test_what_nobody_has_seen_for_a_day_is_told_anew(ledger: Ledger):
    for hours in (0, 20, 40, 65):
        await watch(ledger, NOON + hours * HOUR, DOWN, gateway=uuid4())
    assert await told(ledger) == 2 * [("model_server", "began", 1)]


async def test_what_the_owner_was_told_without_the_store_is_not_told_again(ledger: Ledger):
    await watch(ledger, NOON, DOWN | {"told": True})
    await watch(ledger, NOON + MINUTE, DOWN)
    assert await told(ledger) == []
    await watch(ledger, NOON + 2 * MINUTE, UP)
    assert await told(ledger) == [("model_server", "over", 1)]


async def test_no_gateway_can_keep_quiet_what_is_of_keys(ledger: Ledger):
    end = NOON + 30 * DAY
    key = await ledger.key(expires_at=end)
    topic = f"key_expiry/{key.id}/2030-02-14T12:00:00Z"
    seen = {"topic": topic, "kind": "x", "holds": True, "about": {}, "told": True}
    await watch(ledger, NOON, seen)
    await watch(ledger, end - 7 * DAY)
    assert await told(ledger) == [("key_expiry", "began", 1)]


async def test_gateways_that_see_the_same_in_another_order_do_not_block_each_other(
    ledger: Ledger, database: str
):
    pair = [await open_ledger(database) for _ in range(2)]
    seen = [DOWN | {"topic": str(number)} for number in range(200)]
    try:
        for hours in range(5):
            at = NOON + 25 * hours * HOUR
            await asyncio.gather(watch(pair[0], at, *seen), watch(pair[1], at, *reversed(seen)))
    finally:
        for one in pair:
            await one.connection.close()
    assert len(await told(ledger)) == 5 * len(seen)


async def test_gateways_that_watch_at_once_make_one_alert_of_each_crossing(
    ledger: Ledger, database: str
):
    keys = [await ledger.key(limit=1000) for _ in range(5)]
    others = [await open_ledger(database) for _ in range(6)]
    try:
        for _ in range(10):
            for key in keys:
                await use(ledger, key, 99)
            await asyncio.gather(
                *(watch(one, NOON, DOWN, gateway=uuid4(), channels=("a",)) for one in others)
            )
    finally:
        for one in others:
            await one.connection.close()
    levels = [(kind, level) for kind, _, level in await told(ledger)]
    expected = [("model_server", 1), *(("key_quota", level) for level in (50, 80, 100))]
    assert sorted(levels) == sorted(expected[:1] + 5 * expected[1:])


async def test_guesses_at_the_admin_secret_are_told_once_an_hour(ledger: Ledger):
    async def guess(at: datetime, address: str) -> None:
        for _ in range(12):
            await ledger.admin("admin_login", at, address, False)

    await guess(NOON, "192.0.2.1")
    for minutes in range(1, 100):
        await guess(NOON + minutes * MINUTE, f"192.0.2.{minutes}")
    assert await told(ledger) == [("guesses", "began", 1)]
    await guess(NOON + 4 * HOUR, "192.0.2.1")
    assert await told(ledger) == 2 * [("guesses", "began", 1)]


async def test_a_clock_that_went_back_is_told_once(ledger: Ledger):
    await ledger.sweep(NOON)
    await ledger.sweep(NOON + DAY)
    await ledger.sweep(NOON + DAY - 10 * SECOND)
    assert await told(ledger) == []
    await ledger.sweep(NOON)
    await ledger.sweep(NOON + MINUTE)
    assert await told(ledger) == [("clock_back", "began", 1)]
    assert json.loads(await ledger.value("select about from gateway.alerts")) == {
        "was": "2030-01-16T11:59:50Z",
        "is": "2030-01-15T12:00:00Z",
    }


async def test_old_alerts_are_forgotten_by_a_steady_clock_alone(ledger: Ledger):
    await watch(ledger, NOON, DOWN, channels=("a",))
    later = NOON + 31 * DAY
    await ledger.admin("keep_house", later, 12)
    assert len(await told(ledger)) == 1
    await ledger.steady(later)
    await ledger.admin("keep_house", later, 12)
    assert await told(ledger) == []
    assert await ledger.value("select count(*) from gateway.alert_deliveries") == 0
    assert await ledger.value("select count(*) from gateway.alert_conditions") == 1
    later = NOON + 91 * DAY
    await ledger.steady(later)
    await ledger.admin("keep_house", later, 12)
    assert await ledger.value("select count(*) from gateway.alert_conditions") == 0
