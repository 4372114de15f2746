"""rotate_api_key: the new key works at once, the old one for its grace and no longer."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.sql.ledger import NOON, SECOND, Key, Ledger, new_hash

pytestmark = pytest.mark.anyio


async def rotate(ledger: Ledger, key: Key, grace: int, at: Any = NOON) -> Key:
    fresh = new_hash()
    made = await ledger.admin("rotate_api_key", at, key.id, fresh, "llm_efgh", grace)
    assert (made["id"], made["prefix"]) == (str(key.id), "llm_efgh"), made
    return Key(key.id, fresh)


async def test_old_and_new_are_one_key_with_one_budget_until_the_grace_ends(ledger: Ledger):
    old = await ledger.key(limit=100, rate=3)
    new = await rotate(ledger, old, 60)
    assert (await ledger.authorize(old, NOON, prompt=10, output=10)).rate_remaining == 2
    verdict = await ledger.authorize(new, NOON + 59 * SECOND, prompt=10, output=10)
    assert (verdict.key_id, verdict.tokens_remaining, verdict.rate_remaining) == (old.id, 60, 1)
    assert (await ledger.authorize(old, NOON + 59 * SECOND)).allowed
    ended = await ledger.authorize(old, NOON + 60 * SECOND)
    assert (ended.reason, ended.key_id) == ("invalid_api_key", None)
    assert (await ledger.authorize(new, NOON + 100 * SECOND)).allowed


async def test_without_grace_the_old_key_ends_at_once(ledger: Ledger):
    old = await ledger.key()
    new = await rotate(ledger, old, 0)
    assert (await ledger.authorize(old)).reason == "invalid_api_key"
    assert (await ledger.authorize(new)).allowed


async def test_each_former_key_lives_for_its_own_grace(ledger: Ledger):
    first = await ledger.key()
    second = await rotate(ledger, first, 100)
    await rotate(ledger, second, 1000, NOON + 10 * SECOND)
    assert (await ledger.authorize(first, NOON + 99 * SECOND)).allowed
    assert not (await ledger.authorize(first, NOON + 100 * SECOND)).allowed
    assert (await ledger.authorize(second, NOON + 1009 * SECOND)).allowed


async def test_a_rotation_without_grace_ends_every_former_key(ledger: Ledger):
    first = await ledger.key()
    second = await rotate(ledger, first, 1000)
    third = await rotate(ledger, second, 0)
    states = [(await ledger.authorize(key)).allowed for key in (first, second, third)]
    assert states == [False, False, True]


async def test_asked_again_with_the_same_hash_it_changes_nothing(ledger: Ledger):
    old = await ledger.key()
    new = await rotate(ledger, old, 60)
    again = await ledger.admin("rotate_api_key", NOON, old.id, new.hash, "llm_efgh", 0)
    assert again["id"] == str(old.id)
    assert (await ledger.authorize(old)).allowed
    assert (await ledger.authorize(new)).allowed


async def test_a_revoked_or_unknown_key_cannot_be_rotated(ledger: Ledger):
    key = await ledger.key()
    await ledger.admin("revoke_api_key", NOON, key.id)
    refused = await ledger.admin("rotate_api_key", NOON, key.id, new_hash(), "p", 0)
    assert refused["refusal"] == "invalid"
    unknown = await ledger.admin("rotate_api_key", NOON, uuid4(), new_hash(), "p", 0)
    assert unknown["refusal"] == "not_found"


async def test_the_hash_of_another_key_or_no_hash_is_refused(ledger: Ledger):
    key, other = await ledger.key(), await ledger.key()
    for wrong in (other.hash, "plain", None):
        refused = await ledger.admin("rotate_api_key", NOON, key.id, wrong, "p", 60)
        assert refused["refusal"] == "invalid"
    assert (await ledger.authorize(key, NOON + 61 * SECOND)).allowed
