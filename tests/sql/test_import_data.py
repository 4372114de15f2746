"""import_data: what another database gave arrives exactly, once, or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.support.postgres import TEMPLATE, Server, _fresh
from tests.support.sql.ledger import DAY, NOON, Ledger, new_hash, open_ledger, settlement
from tests.support.sql.moving import KINDS, export, move, table, take

pytestmark = pytest.mark.anyio

MONTH_AGO = datetime(2029, 12, 3, 4, 5, 6, 789_123, tzinfo=UTC)


@pytest.fixture
async def source(postgres: Server) -> AsyncIterator[Ledger]:
    """Another database, with two keys, one of them rotated and much used, and a hold in flight."""
    async with _fresh(postgres, TEMPLATE) as dsn:
        ledger = await open_ledger(dsn)
        key = await ledger.key(
            MONTH_AGO,
            limit=1_000_000_000_000,
            label="λ \\ \"quoted\" 'so' \t\U0001f999",
            owner_email="a@b.c",
            models=["x:1", "y,z"],
            origins=["https://a"],
            scopes=["chat", "ollama:native"],
            cap=10**9,
            expires_at=NOON + 99 * DAY,
        )
        used = 900_000_000_001  # more than a float of 32 bits or an integer holds
        in_one_day = used - 2 * 7  # what the other requests of the month are charged
        await ledger.settle(
            settlement(await ledger.hold(key, MONTH_AGO, model="x:1", prompt=2**31 - 1), 7, 8),
            at=MONTH_AGO,
        )
        for model in ("x:1", "y,z", "x:1"):
            request = await ledger.hold(key, NOON, model=model, prompt=2**31 - 1)
            await ledger.settle(settlement(request, 3, 4, status="client_gone", ttft_ms=5), at=NOON)
        await ledger.connection.execute(
            f"update gateway.key_counters set tokens_used = {used}, requests = requests + {used}; "
            f"update gateway.usage_daily set charged_tokens = {in_one_day} where model = 'y,z'"
        )
        await ledger.connection.execute(
            "insert into gateway.visitor_daily "
            "select '2030-01-15', $1, gen_random_uuid(), pool, 1, 2, 3, 5, $2 "
            "from unnest('{true,false}'::boolean[]) as pool",
            *(key.id, used),
        )
        await ledger.admin("rotate_api_key", NOON, key.id, new_hash(), "llm_next", 3600)
        await ledger.admin("revoke_api_key", NOON, (await ledger.key(NOON)).id)
        await ledger.hold(key, NOON, model="x:1")
        preset = {"model": "x:1", "system": "λ", "variables": {"a": {"enum": ["b"]}}}
        await ledger.admin("create_preset", NOON, "faq", json.dumps(preset))
        await ledger.admin("update_preset", NOON, "faq", json.dumps({"system": "μ"}))
        yield ledger
        await ledger.connection.close()


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


# what is changed of a good row (...: taken away), and what the refusal says
WRONG: dict[str, list[tuple[dict[str, Any], str]]] = {
    "keys": [
        ({"key_hash": "short"}, "the hash must be 64 hex digits"),
        ({"id": None}, 'null value in column "id"'),
        ({"id": str(uuid4())}, "this key exists already"),
        ({"rate_limit_per_min": 1.5}, 'integer: "1.5"'),
        ({"monthly_token_limit": 10**30}, "out of range"),
        ({"scopes": "chat"}, "array"),
        ({"color": "red"}, "color is unknown"),
        ({"expires_at": ...}, "expires_at is missing"),
        ({"scopes": ["root"]}, "the scopes must be known ones"),
        ({"max_output_tokens": 0}, "the output cap must be from 1 to 1e9"),
        ({"created_at": "yesterday or so"}, "timestamp"),
    ],
    "retired_keys": [
        ({"api_key_id": str(uuid4())}, "there is no key with this api_key_id"),
        ({"valid_until": None}, 'null value in column "valid_until"'),
    ],
    "counters": [
        ({"api_key_id": "x"}, 'uuid: "x"'),
        ({"api_key_id": None}, "there is no key"),
        ({"tokens_used": -1}, "a count is negative"),
        ({"tokens_held": 5}, "tokens_held is unknown"),
        ({"month_start": "2030-01-02T00:00:00Z"}, "start of a month"),
        ({"month_start": "2030-03-01T00:00:00Z"}, "that has begun"),
        ({"month_start": "infinity"}, "that has begun"),
        ({"requests": None}, 'null value in column "requests"'),
    ],
    "daily": [
        ({"requests": "many"}, 'bigint: "many"'),
        ({"day": "2030-02-30"}, "out of range"),
        ({"api_key_id": str(uuid4())}, "there is no key"),
    ],
    "logs": [
        ({"api_key_id": str(uuid4())}, "there is no key"),
        ({"created_at": None}, 'null value in column "created_at"'),
        ({"created_at": "-infinity"}, "created_at is not a time"),
        ({"request_id": "1"}, 'uuid: "1"'),
        ({"prompt_tokens": -5}, "a count is negative"),
        ({"status": ...}, "status is missing"),
    ],
    "visitor_daily": [
        ({"api_key_id": str(uuid4())}, "there is no key with this api_key_id"),
        ({"visitor": "x"}, "uuid"),
        ({"is_pool": None}, "is_pool"),
        ({"charged_tokens": -1}, "a count is negative"),
        ({"day": ...}, "day is missing"),
        ({"name": "ada"}, "name is unknown"),
    ],
    "presets": [
        ({"name": "A"}, "the name must be"),
        ({"variables": {"a": {}}}, "variables.a should be"),
        ({"locked": ...}, "locked is missing"),
        ({"model": "@preset/x"}, "a preset cannot be the model of a preset"),
    ],
    "preset_versions": [
        ({"name": "other"}, "there is no preset of this name"),
        ({"content": []}, "content is not an object"),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
async def test_one_wrong_row_is_named_and_nothing_of_its_page_is_taken(
    source: Ledger, ledger: Ledger, kind: str
):
    good = await export(source, kind)
    if kind != "keys":
        await take(ledger, "keys", await export(source, "keys"))
    if kind == "preset_versions":
        await take(ledger, "presets", await export(source, "presets"))
    before = await table(ledger, kind)
    for change, reason in WRONG[kind]:
        changed = good[-1] | {"request_id": str(uuid4())} if kind == "logs" else good[-1]
        wrong = {name: value for name, value in (changed | change).items() if value is not ...}
        page = [*good, wrong] if kind in ("keys", "logs") else [*good[:-1], wrong]
        answer = await take(ledger, kind, page)
        assert answer.get("refusal") == "invalid", (change, answer)
        assert answer["detail"].startswith(f"Row {len(page)} ("), (change, answer)
        assert reason in answer["detail"]
        assert await table(ledger, kind) == before


async def test_what_is_no_list_of_rows_is_refused(ledger: Ledger):
    for rows in (None, {}, "x", 3, [None], [[]], ["x"], [3], [{}]):
        for kind in KINDS:
            answer = await take(ledger, kind, rows)
            assert answer.get("refusal") == "invalid", (rows, kind, answer)


async def test_an_unknown_kind_is_refused_and_no_rows_are_no_mistake(ledger: Ledger):
    assert (await take(ledger, "holds", []))["refusal"] == "invalid"
    assert await take(ledger, "logs", []) == {"imported": 0, "present": 0}


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
