"""list_requests: every row of the log once, the newest first, page by page, with filters."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, Key, Ledger, settlement

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


async def page(
    ledger: Ledger, cursor: str | None = None, limit: int | None = 2, **filters: Any
) -> dict[str, Any]:
    return await ledger.admin("list_requests", NOON, json.dumps(filters), cursor, limit)


async def every_page(ledger: Ledger, **filters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        found = await page(ledger, cursor, 2, **filters)
        assert len(found["data"]) <= 2
        rows += found["data"]
        cursor = found["next_cursor"]
        if cursor is None:
            return rows


async def use(ledger: Ledger, key: Key, at: datetime = NOON, **fields: Any) -> UUID:
    request = await ledger.hold(key, at, model=fields.pop("model", "a-model"))
    await ledger.settle(settlement(request, 3, 4, **fields), at=at)
    return request


async def test_a_log_without_rows_is_an_empty_page(ledger: Ledger):
    assert await page(ledger) == {"object": "list", "data": [], "next_cursor": None}


async def test_a_row_has_all_that_was_settled_and_the_name_of_its_key(ledger: Ledger):
    key = await ledger.key(label="the shop")
    request = await use(
        ledger, key, ttft_ms=5, duration_ms=70, status="client_gone", backend="den-pc:11434"
    )
    (row,) = (await page(ledger))["data"]
    assert row == {
        "id": str(request),
        "time": "2030-01-15T12:00:00.000Z",
        "api_key_id": str(key.id),
        "key_name": "the shop",
        "visitor": None,
        "route": "/v1/chat/completions",
        "model": "a-model",
        "backend": "den-pc:11434",
        "status": "client_gone",
        "usage_source": "reported",
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "charged_tokens": 7,
        "ttft_ms": 5,
        "duration_ms": 70,
    }


async def test_a_gateway_that_names_no_machine_is_counted_all_the_same(ledger: Ledger):
    await use(ledger, await ledger.key())
    (row,) = (await page(ledger))["data"]
    assert (row["backend"], row["total_tokens"]) == (None, 7)


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5])
async def test_pages_show_every_row_once_the_newest_first_over_months(ledger: Ledger, total: int):
    """Two of each moment, so that a page can end between them; one month each."""
    key = await ledger.key(NOON - 200 * DAY)
    made = [await use(ledger, key, NOON - number // 2 * 32 * DAY) for number in range(total)]
    rows = await every_page(ledger)
    assert sorted(row["id"] for row in rows) == sorted(map(str, made))
    order = [(row["time"], row["id"]) for row in rows]
    assert order == sorted(order, reverse=True)


async def test_a_request_that_ends_meanwhile_moves_no_page(ledger: Ledger):
    key = await ledger.key(NOON - DAY)
    old = [await use(ledger, key, NOON - number * MINUTE) for number in range(4)]
    first = await page(ledger)
    await use(ledger, key, NOON + MINUTE)
    second = await page(ledger, first["next_cursor"])
    assert [row["id"] for row in first["data"] + second["data"]] == list(map(str, old))


async def test_each_filter_shows_what_fits_it_and_all_of_that(ledger: Ledger):
    one, other = await ledger.key(), await ledger.key()
    mine = await use(ledger, one, model="rare:1b", status="truncated", usage_source="estimated")
    for _ in range(3):
        await use(ledger, other)
    late = await use(ledger, other, NOON + 5 * MINUTE)
    await ledger.value(
        "update gateway.usage_logs set visitor = $1, endpoint = '/api/embed' where request_id = $1",
        mine,
    )
    for name, value in {
        "api_key_id": str(one.id),
        "visitor": str(mine),
        "model": "rare:1b",
        "status": "truncated",
        "usage_source": "estimated",
        "route": "/api/embed",
        "ids": [str(mine), str(uuid4())],
    }.items():
        assert [row["id"] for row in await every_page(ledger, **{name: value})] == [str(mine)], name
    after = (NOON + MINUTE).isoformat()
    assert [row["id"] for row in await every_page(ledger, **{"from": after})] == [str(late)]
    assert len(await every_page(ledger, to=after)) == 4
    assert await every_page(ledger, model="rare:1b", api_key_id=str(other.id)) == []
    assert await every_page(ledger, ids=[]) == []


@pytest.mark.parametrize("odd", ["' or true --", "%L", "{}", "\\", "", "\N{SNOWMAN}", "$1"])
async def test_whatever_is_looked_for_is_only_a_value(ledger: Ledger, odd: str):
    key = await ledger.key()
    for name in ("model", "status", "usage_source", "route"):
        await use(ledger, key)
        assert await every_page(ledger, **{name: odd}) == []
    request = await use(ledger, key, model=f"x{odd}")
    assert [row["id"] for row in await every_page(ledger, model=f"x{odd}")] == [str(request)]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "2030-01-15T12:00:00.000000Z_",
        f"2030-99-15T12:00:00.000000Z_{UUID(int=1)}",
        "' or 1",
    ],
)
async def test_a_cursor_that_no_list_gave_is_refused(ledger: Ledger, cursor: str):
    assert (await page(ledger, cursor))["refusal"] == "invalid"


@pytest.mark.parametrize("limit", [None, -1, 0, 10**6])
async def test_an_odd_page_size_is_brought_into_range(ledger: Ledger, limit: int | None):
    await use(ledger, await ledger.key())
    assert len((await page(ledger, None, limit))["data"]) == 1
