"""What is wrong in rows that are imported is refused by name, with all of its page."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.sql.ledger import Ledger
from tests.support.sql.moved_from import source
from tests.support.sql.moving import KINDS, export, table, take

__all__ = ["source"]
pytestmark = pytest.mark.anyio


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
