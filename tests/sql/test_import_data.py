"""import_data: what another database gave arrives exactly, once, or not at all."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from tests.support.sql.ledger import NOON, Ledger, settlement
from tests.support.sql.moved_from import source
from tests.support.sql.moving import KINDS, export, move, table, take

__all__ = ["source"]
pytestmark = pytest.mark.anyio


async def test_everything_arrives_exactly_and_keys_go_on_as_they_were(
    source: Ledger, ledger: Ledger
):
    answers = await move(source, ledger)
    assert answers == {
        "keys": {"imported": 2, "present": 0, "different": []},
        "retired_keys": {"imported": 1, "present": 0},
        "counters": {"imported": 2, "present": 0},
        "daily": {"imported": 3, "present": 0},
        "visitor_daily": {"imported": 2, "present": 0},
        "logs": {"imported": 4, "present": 0},
        "presets": {"imported": 1, "present": 0},
        "preset_versions": {"imported": 2, "present": 0},
    }
    for kind in set(KINDS) - {"counters"}:
        assert await table(ledger, kind) == await table(source, kind)
    assert await export(ledger, "counters") == await export(source, "counters")

    (retired,) = await export(source, "retired_keys")
    hashes = [row["key_hash"] for row in await export(source, "keys")]
    assert (await ledger.authorize(retired["key_hash"], model="x:1")).allowed
    first = await ledger.authorize(hashes[0], model="x:1", prompt=10, output=20)
    assert first.allowed and first.tokens_remaining == 10**12 - 900_000_000_001 - 60
    assert (await ledger.authorize(hashes[1])).reason == "key_revoked"


async def test_nothing_is_held_on_arrival(source: Ledger, ledger: Ledger):
    await move(source, ledger)
    assert await ledger.value("select sum(tokens_held) from gateway.key_counters") == 0
    assert await ledger.value("select count(*) from gateway.holds") == 0


async def test_sent_again_in_other_pages_it_changes_nothing(source: Ledger, ledger: Ledger):
    await move(source, ledger)
    before = {kind: await table(ledger, kind) for kind in KINDS}
    answers = await move(source, ledger, limit=1)
    assert [answer["imported"] for answer in answers.values()] == [0] * 8
    assert [answer["present"] for answer in answers.values()] == [2, 1, 2, 3, 2, 4, 1, 2]
    assert {kind: await table(ledger, kind) for kind in KINDS} == before


async def test_what_was_used_here_meanwhile_stays(source: Ledger, ledger: Ledger):
    keys = await export(source, "keys")
    await take(ledger, "keys", keys)
    own = {"model": "own", "system": ""}
    mine = await ledger.admin("create_preset", NOON, "faq", json.dumps(own))
    await ledger.admin("update_api_key", NOON, keys[0]["id"], json.dumps({"label": "mine"}))
    await ledger.settle(settlement(uuid4(), 1, 1, key_id=keys[0]["id"], model="x:1"), at=NOON)
    answers = await move(source, ledger)
    (different,) = answers["keys"].pop("different")
    assert (different["id"], different["fields"]) == (keys[0]["id"], ["label"])
    assert answers["keys"] == {"imported": 0, "present": 2}
    assert answers["counters"] == {"imported": 1, "present": 1}
    assert answers["daily"] == {"imported": 2, "present": 1}
    assert (await export(ledger, "keys"))[0]["label"] == "mine"
    report = await ledger.admin("usage_report", NOON, keys[0]["id"], None, None)
    used = 900_000_000_001 + 2  # there, as far as it is known, and here
    assert report["month"]["tokens_used"] == used
    kept = await ledger.admin("get_preset", NOON, "faq", None)
    assert {name: kept[name] for name in mine} == mine
    assert [one["version"] for one in kept["versions"]] == [1]


async def test_a_key_works_between_its_arrival_and_that_of_its_counter(
    source: Ledger, ledger: Ledger
):
    keys = await export(source, "keys")
    await take(ledger, "keys", keys)
    listed = await ledger.admin("list_api_keys", NOON, None, None)
    assert listed["data"][0]["month_reset_at"] == "2030-02-01T00:00:00Z"
    assert await export(ledger, "counters") == []
    assert (await ledger.authorize(keys[0]["key_hash"], model="x:1")).allowed


async def test_logs_lie_in_the_partitions_of_their_months(source: Ledger, ledger: Ledger):
    await take(ledger, "keys", await export(source, "keys"))
    rows = await export(source, "logs")
    ancient = rows[0] | {"request_id": str(uuid4()), "created_at": "1980-01-01T00:00:00Z"}
    future = rows[0] | {"request_id": str(uuid4()), "created_at": "2040-01-01T00:00:00Z"}
    assert (await take(ledger, "logs", [*rows, ancient, future]))["imported"] == 6
    where = (
        "select tableoid::regclass::text, count(*) from gateway.usage_logs group by 1 order by 1"
    )
    assert [tuple(row) for row in await ledger.connection.fetch(where)] == [
        ("gateway.usage_logs_2029_12", 1),
        ("gateway.usage_logs_2030_01", 3),
        ("gateway.usage_logs_default", 2),
    ]
    assert len(await export(ledger, "logs", 1)) == 6


async def test_while_the_log_is_read_as_a_whole_the_default_partition_takes_them(
    source: Ledger, ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    await take(ledger, "keys", await export(source, "keys"))
    reader = await open_more()
    async with reader.connection.transaction():
        await reader.value("select count(*) from gateway.usage_logs")
        rows = await export(source, "logs")
        assert (await take(ledger, "logs", rows))["imported"] == 4
    assert await ledger.value("select count(*) from gateway.usage_logs_default") == 4


async def test_the_same_page_sent_twice_at_once_arrives_once(
    source: Ledger, ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    others = [await open_more() for _ in range(4)]
    for kind in KINDS:
        rows = await export(source, kind)
        answers = await asyncio.gather(*(take(other, kind, rows) for other in others))
        assert sum(answer["imported"] for answer in answers) == len(rows)
    assert await table(ledger, "logs") == await table(source, "logs")


async def test_keys_exported_before_there_were_output_caps_have_none(
    source: Ledger, ledger: Ledger
):
    rows = await export(source, "keys")
    for row in rows:
        del row["max_output_tokens"]
    arrived = {"imported": 2, "present": 0, "different": []}
    assert await take(ledger, "keys", rows) == arrived
    again = {"imported": 0, "present": 2, "different": []}
    assert await take(ledger, "keys", rows) == again
    assert [row["max_output_tokens"] for row in await export(ledger, "keys")] == [None, None]


async def test_a_page_waits_until_the_house_is_kept(
    source: Ledger, ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    """Months about to be dropped have been added up: a log that came now would be lost."""
    keeper = await open_more()
    await keeper.admin("keep_house", NOON, 12)
    async with keeper.connection.transaction():
        await keeper.admin("keep_house", NOON, 12)  # has no lock on the log: there is nothing to do
        page = asyncio.create_task(take(ledger, "keys", await export(source, "keys")))
        await keeper.wait_for_waiting(1)
    assert (await page)["imported"] == 2


async def test_it_is_called_by_name_over_rpc(ledger: Ledger):
    await ledger.connection.execute("set role service_role")
    call = "select public.import_data(p_kind => 'keys', p_rows => '[]')"
    assert json.loads(await ledger.value(call)) == {
        "imported": 0,
        "present": 0,
        "different": [],
    }


async def test_times_that_a_jumping_clock_made_negative_can_be_moved(
    source: Ledger, ledger: Ledger
):
    await source.connection.execute("update gateway.usage_logs set ttft_ms = -1, duration_ms = -7")
    assert (await move(source, ledger))["logs"]["imported"] == 4
