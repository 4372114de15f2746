"""create_api_key: what a new key is, and what cannot be one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.sql.ledger import NOON, Ledger, new_hash

pytestmark = pytest.mark.anyio


async def test_shows_the_key_as_lists_do_and_never_its_hash(ledger: Ledger):
    key_hash = new_hash()
    made = await ledger.create(
        key_hash=key_hash,
        label="my website",
        owner_email="me@a.example",
        rate=20,
        limit=500,
        cap=40,
        models=["small"],
        origins=["https://a.example"],
        scopes=["chat"],
        expires_at=datetime(2031, 1, 1, tzinfo=UTC),
    )
    assert made.pop("id")
    assert made == {
        "label": "my website",
        "prefix": "llm_abcd",
        "owner_email": "me@a.example",
        "rate_limit_per_min": 20,
        "monthly_token_limit": 500,
        "max_output_tokens": 40,
        "tokens_used_month": 0,
        "month_reset_at": "2030-02-01T00:00:00Z",
        "allowed_models": ["small"],
        "allowed_origins": ["https://a.example"],
        "scopes": ["chat"],
        "visitors": None,
        "is_active": True,
        "created_at": "2030-01-15T12:00:00Z",
        "expires_at": "2031-01-01T00:00:00Z",
        "last_used_at": None,
        "revoked_at": None,
    }
    assert key_hash not in str(made)


async def test_what_is_left_out_is_unlimited_and_scopes_have_a_default(ledger: Ledger):
    made = await ledger.create()
    unlimited = ("max_output_tokens", "allowed_models", "allowed_origins", "expires_at")
    assert [made[name] for name in unlimited] == [None] * 4
    assert made["scopes"] == ["chat", "embeddings", "models:read"]


async def test_asked_again_with_the_same_hash_it_makes_no_second_key(ledger: Ledger):
    key_hash = new_hash()
    first = await ledger.create(key_hash=key_hash)
    assert await ledger.create(key_hash=key_hash) == first
    assert await ledger.value("select count(*) from gateway.api_keys") == 1


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"key_hash": "plain_key"}, "the hash must be 64 hex digits"),
        ({"key_hash": "A" * 64}, "the hash must be 64 hex digits"),
        ({"label": ""}, "the label must have 1 to 200 characters"),
        ({"label": "x" * 201}, "the label must have 1 to 200 characters"),
        ({"rate": 0}, "the rate limit must be from 1 to 1000000"),
        ({"limit": -1}, "the token limit must be from 0 to 1e12"),
        ({"cap": 0}, "the output cap must be from 1 to 1e9"),
        ({"cap": -1}, "the output cap must be from 1 to 1e9"),
        ({"cap": 10**9 + 1}, "the output cap must be from 1 to 1e9"),
        ({"scopes": ["chat", "root"]}, "the scopes must be known ones"),
        ({"scopes": []}, "the scopes must be known ones"),
        ({"scopes": ["chat ollama:native"]}, "the scopes must be known ones"),
    ],
)
async def test_a_wrong_value_is_refused_in_words(
    ledger: Ledger, wrong: dict[str, Any], detail: str
):
    assert await ledger.create(**wrong) == {"refusal": "invalid", "detail": detail}
    assert await ledger.value("select count(*) from gateway.api_keys") == 0


async def test_a_missing_value_is_refused_not_raised(ledger: Ledger):
    refused = await ledger.create(label=None)
    assert refused["refusal"] == "invalid"
    assert "label" in refused["detail"]


async def test_a_key_with_a_limit_of_0_is_made_and_may_spend_nothing(ledger: Ledger):
    key = await ledger.key(limit=0)
    assert (await ledger.authorize(key, NOON)).reason == "insufficient_quota"
