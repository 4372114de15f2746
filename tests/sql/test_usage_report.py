"""usage_report and admin_usage: what was used, by day and model."""

from datetime import date
from uuid import uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, Key, Ledger, settlement

pytestmark = pytest.mark.anyio


async def used(ledger: Ledger, key: Key, days: float, model: str, prompt: int, made: int) -> None:
    request = await ledger.hold(key, NOON + days * DAY, model=model, prompt=100, output=100)
    await ledger.settle(settlement(request, prompt, made), at=NOON + days * DAY)


async def test_the_report_is_the_one_of_the_contract(ledger: Ledger):
    key = await ledger.key(limit=1000, rate=60, label="mine")
    await used(ledger, key, 0, "small", 3, 4)
    await used(ledger, key, 0.1, "small", 10, 20)
    await used(ledger, key, 0.1, "large", 1, 1)
    await used(ledger, key, -1, "small", 5, 0)
    await ledger.hold(key, NOON + DAY, prompt=40, output=60)
    assert await ledger.report(key, NOON + DAY) == {
        "key": {"id": str(key.id), "label": "mine", "prefix": "llm_abcd"},
        "limits": {"rate_limit_per_min": 60, "monthly_token_limit": 1000},
        "month": {
            "tokens_used": 44,
            "tokens_held": 100,
            "tokens_remaining": 856,
            "requests": 4,
            "resets_at": "2030-02-01T00:00:00Z",
        },
        "by_day": [
            row("2030-01-14", "small", 1, 5, 0),
            row("2030-01-15", "large", 1, 1, 1),
            row("2030-01-15", "small", 2, 13, 24),
        ],
    }


def row(day: str, model: str, requests: int, prompt: int, completion: int) -> dict[str, object]:
    return {
        "date": day,
        "model": model,
        "requests": requests,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


async def test_without_a_range_it_is_the_month_to_date(ledger: Ledger):
    key = await ledger.key(NOON - 30 * DAY)
    for days in (-15, -14, 0, 1):  # 31 December, 1, 15 and 16 January
        await used(ledger, key, days, "m", 1, 1)

    async def days(*range: date | None) -> list[str]:
        return [row["date"][5:] for row in (await ledger.report(key, NOON, *range))["by_day"]]

    assert await days() == ["01-01", "01-15"]
    assert await days(None, date(2030, 1, 31)) == ["01-01", "01-15", "01-16"]
    assert await days(None, date(2029, 12, 31)) == ["12-31"]
    assert await days(date(2029, 12, 31), None) == ["12-31", "01-01", "01-15"]
    assert await days(date(2030, 1, 15), date(2030, 1, 15)) == ["01-15"]
    assert await days(date(2030, 1, 16), date(2030, 1, 15)) == []


async def test_a_limit_below_what_was_used_leaves_nothing_not_less(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await used(ledger, key, 0, "m", 30, 40)
    await ledger.admin("update_api_key", NOON, key.id, '{"monthly_token_limit": 10}')
    assert (await ledger.report(key))["month"]["tokens_remaining"] == 0


async def test_administrators_see_the_rows_of_one_key_or_of_all(ledger: Ledger):
    one, other = await ledger.key(), await ledger.key()
    await used(ledger, one, 0, "m", 1, 2)
    await used(ledger, other, -1, "m", 3, 4)
    mine = row("2030-01-15", "m", 1, 1, 2) | {"api_key_id": str(one.id)}
    theirs = row("2030-01-14", "m", 1, 3, 4) | {"api_key_id": str(other.id)}
    every = await ledger.admin("admin_usage", NOON, None, None, None)
    assert every == {"data": [theirs, mine]}
    assert await ledger.admin("admin_usage", NOON, one.id, None, None) == {"data": [mine]}
    today = date(2030, 1, 15)
    assert await ledger.admin("admin_usage", NOON, other.id, today, today) == {"data": []}


async def test_an_unknown_key_is_not_found(ledger: Ledger):
    for function in ("usage_report", "admin_usage"):
        refused = await ledger.admin(function, NOON, uuid4(), None, None)
        assert refused["refusal"] == "not_found"
