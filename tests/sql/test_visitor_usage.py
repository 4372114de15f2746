"""admin_usage by visitor: the owner sees what each of them used, and their names where they are."""

from collections import Counter
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.support.sql.ledger import DAY, NOON, Key, Ledger, settlement
from tests.support.sql.visitors import at, by_issuer, token_of, user

pytestmark = pytest.mark.anyio

ALL = (date(2000, 1, 1), date(2099, 12, 31))
NAMED = {"by": ["token"], "keep_names": True}


async def use(
    ledger: Ledger, key: Key | str, count: int, when: datetime = NOON, **visitor: Any
) -> None:
    for _ in range(count):
        verdict = ledger.hold(key, when, **visitor)
        await ledger.settle(settlement(await verdict, 3, 4), at=when)


async def told(
    ledger: Ledger, by: str, key: Key | None = None, days: Any = ALL, at: datetime = NOON
) -> dict[str, Any]:
    id = key and key.id
    return await ledger.admin("admin_usage", at, id, *days, by.split(","))


def counts(requests: int) -> dict[str, int]:
    return {
        "requests": requests,
        "prompt_tokens": 3 * requests,
        "completion_tokens": 4 * requests,
        "total_tokens": 7 * requests,
    }


async def test_each_visitor_has_a_row_with_the_name_that_the_site_gave(ledger: Ledger):
    named, other = await ledger.key(visitors=NAMED), await ledger.key(visitors={"by": ["token"]})
    for key, count in ((named, 2), (other, 1)):
        await use(ledger, await token_of(ledger, key, "ada"), count)
    await use(ledger, named, 5)  # the site's own server: no visitor
    found = await told(ledger, "key,visitor")
    assert found["total"] == counts(3) and found["group_by"] == ["key", "visitor"]
    rows = {row["api_key_id"]: row for row in found["data"]}
    assert len({UUID(row["visitor"]) for row in rows.values()}) == 2
    assert [rows[str(key.id)]["visitor_name"] for key in (named, other)] == ["ada", None]
    [row] = (await told(ledger, "visitor", named))["data"]
    assert row == {"visitor": row["visitor"], "visitor_name": "ada", **counts(2)}


async def test_a_pool_is_no_row_of_its_own(ledger: Ledger):
    key = await ledger.key(visitors={"by": ["address"], "tokens_per_day": 1000})
    for number in range(3):
        visitor = at(f"2001:db8:1:{number}::/64", "2001:db8:1::/48")
        await use(ledger, key, 1, visitor=visitor)
    found = await told(ledger, "visitor")
    assert len(found["data"]) == 3 and found["total"] == counts(3)
    assert all(row["visitor_name"] is None for row in found["data"])


async def test_it_goes_with_days_and_months_and_adds_up_to_the_same(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer())
    for number in range(6):
        who = user("ada" if number % 2 else "bob")
        await use(ledger, key, number + 1, NOON + 10 * number * DAY, visitor=who)
    by_day = await told(ledger, "day,visitor")
    assert len(by_day["data"]) == 6 and by_day["data"][0]["date"] == "2030-01-15"
    by_month = await told(ledger, "month,visitor")
    months = {(row["month"], row["visitor"]): row["requests"] for row in by_month["data"]}
    sums: Counter[tuple[str, str]] = Counter()
    for row in by_day["data"]:
        sums[row["date"][:7], row["visitor"]] += row["requests"]
    assert months == sums and list(months) == sorted(months)
    assert by_day["total"] == by_month["total"] == (await told(ledger, "visitor"))["total"]
    assert by_day["total"] == counts(21)
    january = (date(2030, 1, 1), date(2030, 1, 31))
    assert (await told(ledger, "visitor", days=january))["total"] == counts(3)
    assert (await told(ledger, "visitor", days=(None, None)))["to"] == "2030-01-15"


async def test_a_name_goes_when_the_visitor_was_idle_for_35_days_and_the_use_stays(ledger: Ledger):
    key = await ledger.key(visitors=NAMED)
    await use(ledger, await token_of(ledger, key, "ada"), 1)
    later = NOON + 36 * DAY
    await ledger.steady(later)
    await ledger.admin("keep_house", later, 12)
    [row] = (await told(ledger, "visitor", at=later))["data"]
    assert row == {"visitor": row["visitor"], "visitor_name": None, **counts(1)}


async def test_of_a_key_that_is_unknown_nothing_is_told(ledger: Ledger):
    nobody = Key(UUID(int=1), "")
    assert (await told(ledger, "visitor", nobody))["refusal"] == "not_found"
    assert (await told(ledger, "visitor")) == {
        "from": "2000-01-01",
        "to": "2099-12-31",
        "group_by": ["visitor"],
        "data": [],
        "total": counts(0),
    }


async def test_a_key_s_own_report_names_no_visitor(ledger: Ledger):
    key = await ledger.key(visitors=NAMED)
    await use(ledger, await token_of(ledger, key, "grace"), 1)  # no part of any id
    found = await ledger.admin("usage_report", NOON, key.id, *ALL, ["visitor"])
    assert found["data"] == [counts(1)] and "grace" not in str(found)
