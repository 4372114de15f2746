"""usage_report and admin_usage with a grouping: the same tokens, added up in another way."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.sql.ledger import DAY, NOON, Key, Ledger, settlement

pytestmark = pytest.mark.anyio

GROUPS = ("month", "day", "key", "model")
FIELDS = {"month": "month", "day": "date", "key": "api_key_id", "model": "model"}
COUNTS = ("requests", "prompt_tokens", "completion_tokens", "total_tokens")
MINUTE = timedelta(minutes=1)
ALL = (date(2000, 1, 1), date(2099, 12, 31))


async def use(ledger: Ledger, key: Key, at: datetime, model: str, prompt: int, made: int) -> None:
    request = await ledger.hold(key, at, model=model, prompt=100, output=100)
    await ledger.settle(settlement(request, prompt, made), at=at)


@pytest.fixture
async def keys(ledger: Ledger) -> list[Key]:
    """Two keys with use of three models, from December 2029 to January 2030."""
    begun = NOON - 40 * DAY
    made = [await ledger.key(begun), await ledger.key(begun)]
    dice = random.Random(1)
    for _ in range(40):
        at = begun + dice.randrange(40) * DAY
        model = dice.choice(["a:latest", "b:ü", "c:7b"])
        await use(ledger, dice.choice(made), at, model, dice.randrange(50), dice.randrange(50))
    return made


def added_up(rows: list[dict[str, Any]], by: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the rows by day, key and model come to."""
    sums: dict[tuple[str, ...], Counter[str]] = {}
    for row in rows:
        known = {**row, "month": row["date"][:7]}
        group = tuple(known[FIELDS[name]] for name in by)
        sums.setdefault(group, Counter()).update({name: row[name] for name in COUNTS})
    return [
        dict(zip((FIELDS[name] for name in by), group, strict=True)) | dict(counts)
        for group, counts in sorted(sums.items())
    ]


def total(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(row[name] for row in rows) for name in COUNTS}


@pytest.mark.parametrize("chosen", range(1, 16))
async def test_every_grouping_adds_up_the_same_rows(ledger: Ledger, keys: list[Key], chosen: int):
    by = tuple(name for number, name in enumerate(GROUPS) if chosen >> number & 1)
    plain = (await ledger.admin("admin_usage", NOON, None, *ALL))["data"]
    assert len({row["api_key_id"] for row in plain}) == 2
    found = await ledger.admin("admin_usage", NOON, None, *ALL, list(by))
    assert found == {
        "from": "2000-01-01",
        "to": "2099-12-31",
        "group_by": list(by),
        "data": added_up(plain, by),
        "total": total(plain),
    }


async def test_a_key_sees_its_own_use_beside_its_limits(ledger: Ledger, keys: list[Key]):
    key = keys[0]
    plain = await ledger.report(key, NOON, *ALL)
    rows = plain.pop("by_day")
    assert rows
    found = await ledger.admin("usage_report", NOON, key.id, *ALL, ["month", "model"])
    assert found == {
        **plain,
        "from": "2000-01-01",
        "to": "2099-12-31",
        "group_by": ["month", "model"],
        "data": added_up(rows, ("month", "model")),
        "total": total(rows),
    }
    of_one = await ledger.admin("admin_usage", NOON, key.id, *ALL, ["month"])
    assert of_one["total"] == total(rows)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((None, None), ("2030-01-01", "2030-01-15")),
        ((None, date(2029, 12, 20)), ("2029-12-01", "2029-12-20")),
        ((date(2029, 12, 20), None), ("2029-12-20", "2030-01-15")),
        ((date(2031, 1, 1), None), ("2031-01-01", "2031-01-01")),
        ((date(2030, 1, 2), date(2030, 1, 2)), ("2030-01-02", "2030-01-02")),
    ],
)
async def test_the_range_that_was_added_up_is_told_and_both_its_ends_are_in_it(
    ledger: Ledger, keys: list[Key], asked: tuple[Any, Any], told: tuple[str, str]
):
    plain = (await ledger.admin("admin_usage", NOON, None, *ALL))["data"]
    found = await ledger.admin("admin_usage", NOON, None, *asked, ["day"])
    assert (found["from"], found["to"]) == told
    assert found["total"] == total([row for row in plain if told[0] <= row["date"] <= told[1]])


async def test_the_first_and_last_moment_of_a_day_in_utc_belong_to_it(ledger: Ledger):
    key = await ledger.key()
    await ledger.connection.execute("set time zone 'Pacific/Kiritimati'")  # 14 hours ahead
    for at in ("2030-01-15T00:00:00", "2030-01-15T23:59:59.999999", "2030-01-16T00:00:00"):
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        await use(ledger, key, moment, "m", 1, 1)
    day = date(2030, 1, 15)
    found = await ledger.admin("admin_usage", NOON, key.id, day, day, ["month"])
    assert [(row["month"], row["requests"]) for row in found["data"]] == [("2030-01", 2)]


async def test_nothing_at_all_adds_up_to_nought(ledger: Ledger):
    key = await ledger.key()
    for function, asked in (("usage_report", key.id), ("admin_usage", None)):
        found = await ledger.admin(function, NOON, asked, *ALL, ["month"])
        assert (found["data"], found["total"]) == ([], dict.fromkeys(COUNTS, 0))


async def test_it_says_the_same_before_and_after_the_log_was_dropped(ledger: Ledger):
    key = await ledger.key(NOON - 800 * DAY)
    for days in (760, 400, 35, 0):
        at = NOON - days * DAY
        await ledger.value("select gateway.ensure_partitions_at($1)", at)
        await use(ledger, key, at, "m", 3, 4)
    asked = ("usage_report", NOON, key.id, *ALL, ["month", "model"])
    before = await ledger.admin(*asked)
    assert len(before["data"]) == 4
    await ledger.steady(NOON)
    dropped = await ledger.admin("keep_house", NOON, 2)
    assert len(dropped["partitions_dropped"]) >= 2
    assert await ledger.value("select count(*) from gateway.usage_logs") < 4
    assert await ledger.admin(*asked) == before


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
async def test_hours_are_of_utc_and_add_up_to_their_day(ledger: Ledger, zone: str):
    """Also where the session's zone is half an hour off."""
    await ledger.connection.execute(f"set time zone '{zone}'")
    key = await ledger.key(NOON - DAY)
    for minutes in (0, 59, 60, 61):
        await use(ledger, key, NOON + minutes * MINUTE, "a:latest", 1, 1)
    today = NOON.date()
    by_hour = await ledger.admin("admin_usage", NOON, None, today, today, ["hour", "model"])
    assert [(row["hour"], row["model"], row["requests"]) for row in by_hour["data"]] == [
        ("2030-01-15T12:00:00Z", "a:latest", 2),
        ("2030-01-15T13:00:00Z", "a:latest", 2),
    ]
    by_day = await ledger.admin("admin_usage", NOON, None, today, today, ["day"])
    assert by_hour["total"] == by_day["total"]
