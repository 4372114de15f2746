"""update_api_key: only what is named changes, and only to what is allowed."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, Key, Ledger

pytestmark = pytest.mark.anyio


async def update(ledger: Ledger, key_id: UUID, changes: Any) -> dict[str, Any]:
    return await ledger.admin("update_api_key", NOON, key_id, json.dumps(changes))


async def shown(ledger: Ledger, key: Key) -> dict[str, Any]:
    keys = (await ledger.admin("list_api_keys", NOON, None, 99))["data"]
    return next(row for row in keys if row["id"] == str(key.id))


@pytest.mark.parametrize(
    "change",
    [
        {"label": "new"},
        {"owner_email": "new@a.example"},
        {"rate_limit_per_min": 7},
        {"monthly_token_limit": 7_000_000_000},
        {"allowed_models": ["a", "b"]},
        {"allowed_origins": ["https://b.example"]},
        {"scopes": ["models:pull", "ollama:native"]},
        {"max_output_tokens": 7},
        {"max_output_tokens": None},
        {"expires_at": "2031-01-01T00:00:00Z"},
        {"expires_at": None, "allowed_models": None, "owner_email": None},
        {},
    ],
)
async def test_what_is_named_changes_and_nothing_else(ledger: Ledger, change: dict[str, Any]):
    key = await ledger.key(models=["m"], cap=5, expires_at=NOON + DAY, owner_email="me@a.example")
    before = await shown(ledger, key)
    assert await update(ledger, key.id, change) == before | change
    assert await shown(ledger, key) == before | change


async def test_an_empty_list_takes_the_limit_away(ledger: Ledger):
    key = await ledger.key(models=["m"], origins=["https://a.example"])
    changed = await update(ledger, key.id, {"allowed_models": [], "allowed_origins": []})
    assert (changed["allowed_models"], changed["allowed_origins"]) == ([], None)


@pytest.mark.parametrize(
    "change",
    [
        {"id": str(uuid4())},
        {"key_hash": "0" * 64},
        {"is_active": False},
        {"revoked_at": None},
        {"tokens_used_month": 0},
        {"label": None},
        {"label": ""},
        {"rate_limit_per_min": 0},
        {"rate_limit_per_min": "many"},
        {"rate_limit_per_min": None},
        {"monthly_token_limit": 10**30},
        {"max_output_tokens": 0},
        {"max_output_tokens": 10**9 + 1},
        {"max_output_tokens": "many"},
        {"allowed_models": "all"},
        {"scopes": ["root"]},
        {"scopes": None},
        {"expires_at": "soon"},
        [],
        "label",
        None,
    ],
)
async def test_a_wrong_change_is_refused_and_changes_nothing(ledger: Ledger, change: Any):
    key = await ledger.key()
    before = await shown(ledger, key)
    refused = await update(ledger, key.id, change)
    assert refused["refusal"] == "invalid"
    assert refused["detail"]
    assert await shown(ledger, key) == before


async def test_an_unknown_key_is_not_found(ledger: Ledger):
    assert (await update(ledger, uuid4(), {"label": "x"}))["refusal"] == "not_found"


async def test_a_new_expiry_holds_at_once(ledger: Ledger):
    key = await ledger.key()
    assert (await ledger.authorize(key)).allowed
    await update(ledger, key.id, {"expires_at": NOON.isoformat()})
    assert (await ledger.authorize(key)).reason == "key_expired"
    await update(ledger, key.id, {"expires_at": None})
    assert (await ledger.authorize(key)).allowed
