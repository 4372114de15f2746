"""Postgres draws the line where gateway/core/key_fields.json says what a key may hold.

It is wider in three places, where only the gateway and the function draw the line: labels, and the
length of the lists of models and origins.
"""

import json
from typing import Any

import pytest

from gateway.core.key_fields import BOUNDS, SCOPES
from tests.support.sql.ledger import NOON, Ledger

pytestmark = pytest.mark.anyio

Case = tuple[str, Any]
NUMBERS = ("rate_limit_per_min", "monthly_token_limit", "max_output_tokens")
LISTS = ("allowed_models", "allowed_origins")
LABEL = BOUNDS["label"]

WITHIN: list[Case] = [
    *((name, BOUNDS[name][border]) for name in NUMBERS for border in ("minimum", "maximum")),
    *(("label", "🙂" * LABEL[border]) for border in ("minLength", "maxLength")),
    *((name, [f"m{n}" for n in range(BOUNDS[name]["maxItems"])]) for name in LISTS),
    *(("scopes", [scope]) for scope in SCOPES),
    ("scopes", list(SCOPES)),
]
BEYOND: list[Case] = [
    *((name, BOUNDS[name]["minimum"] - 1) for name in NUMBERS),
    *((name, BOUNDS[name]["maximum"] + 1) for name in NUMBERS),
    ("label", "x" * (LABEL["minLength"] - 1)),
    ("scopes", [*SCOPES, "another"]),
    ("scopes", [None]),
    ("scopes", ["chat"] * (BOUNDS["scopes"]["minItems"] - 1)),
]


async def change(ledger: Ledger, field: str, value: Any) -> dict[str, Any]:
    key = await ledger.key()
    return await ledger.admin("update_api_key", NOON, key.id, json.dumps({field: value}))


@pytest.mark.parametrize(("field", "value"), WITHIN)
async def test_what_the_table_allows_is_kept(ledger: Ledger, field: str, value: Any):
    assert (await change(ledger, field, value))[field] == value


@pytest.mark.parametrize(("field", "value"), BEYOND)
async def test_one_beyond_the_table_is_refused(ledger: Ledger, field: str, value: Any):
    assert (await change(ledger, field, value))["refusal"] == "invalid"
