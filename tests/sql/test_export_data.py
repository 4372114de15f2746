"""export_data: every row once, exactly, in pages."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, new_hash, settlement
from tests.support.sql.moving import KINDS, TABLES, export, page
from tests.support.sql.visitors import at

pytestmark = pytest.mark.anyio

MICRO = timedelta.resolution


async def fill(ledger: Ledger, times: int = 9) -> None:
    """Keys, rotated and used over three months, some at the same moment."""
    for number in range(times):
        key = await ledger.key(NOON + number // 2 * MICRO, visitors={"by": ["address"]})
        await ledger.admin("rotate_api_key", NOON, key.id, new_hash(), "p", 60)
        rotated = await ledger.value("select key_hash from gateway.api_keys where id = $1", key.id)
        fields = json.dumps({"model": "m", "system": f"s {number}"})
        await ledger.admin("create_preset", NOON, f"preset-{number}", fields)
        for day in (0, 0, 20, 60):
            request = uuid4()
            asked = {"request": request, "model": f"m{day}", "visitor": at("192.0.2.1")}
            await ledger.authorize(rotated, NOON + day * DAY, **asked)
            await ledger.settle(settlement(request, 3, 4, ttft_ms=-1))


@pytest.mark.parametrize("kind", KINDS)
async def test_pages_give_every_row_once_in_one_order(ledger: Ledger, kind: str):
    assert await page(ledger, kind) == {"rows": [], "next": None}
    await fill(ledger)
    rows = await export(ledger, kind)
    assert len(rows) == await ledger.value(f"select count(*) from gateway.{TABLES[kind]}") > 8
    assert len({json.dumps(row) for row in rows}) == len(rows)
    for limit in (1, 2, 7):
        assert rows == await export(ledger, kind, limit)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_row_has_the_columns_of_its_table(ledger: Ledger, kind: str):
    await fill(ledger, 1)
    columns = await ledger.connection.fetch(
        "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0",
        f"gateway.{TABLES[kind]}",
    )
    wanted = {row[0] for row in columns}
    if kind == "counters":
        wanted = {"api_key_id", "month_start", "tokens_used", "requests", "last_used_at"}
    assert set((await export(ledger, kind))[0]) == wanted


async def test_rows_made_meanwhile_come_last_and_none_is_shown_twice(ledger: Ledger):
    await ledger.key(NOON)
    await ledger.key(NOON + SECOND)
    first = await page(ledger, "keys", None, 1)
    await ledger.key(NOON + 2 * SECOND)
    rest = await page(ledger, "keys", first["next"], 10)
    assert len({row["id"] for row in first["rows"] + rest["rows"]}) == 3
    assert rest["next"] is None


async def test_a_page_has_one_to_a_thousand_rows(ledger: Ledger):
    await ledger.connection.execute(
        "insert into gateway.usage_daily select '2030-01-01', gen_random_uuid(), 'm', 1, 1, 1, 1, "
        "1 from generate_series(1, 1001)"
    )
    for asked, given in ((None, 1000), (0, 1), (-3, 1), (5000, 1000)):
        assert len((await page(ledger, "daily", None, asked))["rows"]) == given


async def test_times_keep_their_microseconds_in_any_time_zone(ledger: Ledger):
    await ledger.connection.execute("set timezone = 'Asia/Kathmandu'")
    moment = NOON + 123_457 * MICRO
    await ledger.key(moment, limit=999_999_999_999)
    row = (await export(ledger, "keys"))[0]
    assert await ledger.value("select $1::text::timestamptz", row["created_at"]) == moment
    assert row["monthly_token_limit"] == 999_999_999_999


async def test_a_cursor_that_no_export_gave_is_refused(ledger: Ledger):
    await fill(ledger, 1)
    text = ("", "x", "{}", "[]", "[null]", '["a","b"]', '["a","b","c"]', "[1,2]", "7", '["a"]')
    for kind in KINDS:
        for cursor in text[:-1] if kind in {"retired_keys", "presets"} else text:
            assert await page(ledger, kind, cursor) == {
                "refusal": "invalid",
                "detail": "This cursor is not one that an export gave.",
            }


async def test_an_unknown_kind_is_refused(ledger: Ledger):
    for kind in ("holds", "", None, "KEYS"):
        assert (await page(ledger, kind))["refusal"] == "invalid"


async def test_it_is_called_by_name_over_rpc(ledger: Ledger):
    await ledger.connection.execute("set role service_role")
    call = "select public.export_data(p_kind => 'keys', p_cursor => null, p_limit => 10)"
    assert json.loads(await ledger.value(call)) == {"rows": [], "next": None}
