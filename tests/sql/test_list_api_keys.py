"""list_api_keys: every key once, in a stable order, page by page."""

import json
from typing import Any

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, new_hash, settlement

pytestmark = pytest.mark.anyio


async def page(ledger: Ledger, cursor: str | None = None, limit: int | None = 2) -> dict[str, Any]:
    return await ledger.admin("list_api_keys", NOON, cursor, limit)


async def test_no_key_is_an_empty_page(ledger: Ledger):
    assert await page(ledger) == {"data": [], "next": None}


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5])
async def test_pages_show_every_key_once_the_oldest_first(ledger: Ledger, total: int):
    made = [await ledger.key(NOON - number // 2 * SECOND) for number in range(total)]
    seen: list[str] = []
    cursor = None
    for _ in range(9):
        found = await page(ledger, cursor)
        assert 1 <= len(found["data"]) <= 2
        seen += [key["id"] for key in found["data"]]
        cursor = found["next"]
        if cursor is None:
            break
    assert len(seen) == total
    assert set(seen) == {str(key.id) for key in made}
    ages = [row["created_at"] for row in (await page(ledger, None, 9))["data"]]
    assert ages == sorted(ages)


async def test_a_key_made_meanwhile_moves_no_other(ledger: Ledger):
    for _ in range(4):
        await ledger.key(NOON)
    first = await page(ledger)
    await ledger.key(NOON + SECOND)
    second = await page(ledger, first["next"])
    assert not {k["id"] for k in first["data"]} & {k["id"] for k in second["data"]}


async def test_shows_this_months_use_under_the_names_of_the_contract(ledger: Ledger):
    key = await ledger.key()
    await ledger.settle(settlement(await ledger.hold(key), 3, 4))
    (row,) = (await page(ledger))["data"]
    used = (row["tokens_used_month"], row["last_used_at"])
    assert used == (7, "2030-01-15T12:00:00Z")
    later = await ledger.admin("list_api_keys", NOON + 30 * DAY, None, 2)
    row = later["data"][0]
    assert (row["tokens_used_month"], row["month_reset_at"]) == (0, "2030-03-01T00:00:00Z")


@pytest.mark.parametrize("cursor", ["", "x", "00000000-0000-0000-0000-000000000000", "' or 1=1"])
async def test_a_cursor_that_no_list_gave_is_refused(ledger: Ledger, cursor: str):
    assert (await page(ledger, cursor))["refusal"] == "invalid"


async def test_no_hash_is_ever_shown(ledger: Ledger):
    key_hash = new_hash()
    await ledger.create(key_hash=key_hash)
    shown = json.dumps(await page(ledger))
    assert key_hash not in shown
    assert "hash" not in shown


@pytest.mark.parametrize("limit", [None, -1, 0, 10**6])
async def test_an_odd_page_size_is_brought_into_range(ledger: Ledger, limit: int | None):
    await ledger.key()
    assert len((await page(ledger, None, limit))["data"]) == 1
