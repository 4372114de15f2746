"""revoke_api_key: refused from now on, in every form the key had; its usage stays."""

from uuid import uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, Ledger, new_hash, settlement

pytestmark = pytest.mark.anyio


async def test_the_key_and_those_it_replaced_are_refused_at_once(ledger: Ledger):
    key = await ledger.key()
    fresh = new_hash()
    await ledger.admin("rotate_api_key", NOON, key.id, fresh, "llm_efgh", 3600)
    revoked = await ledger.admin("revoke_api_key", NOON, key.id)
    assert (revoked["is_active"], revoked["revoked_at"]) == (False, "2030-01-15T12:00:00Z")
    for key_hash in (key.hash, fresh):
        assert (await ledger.authorize(key_hash)).reason == "key_revoked"
    assert (await ledger.identify(key)).reason == "key_revoked"


async def test_revoked_twice_it_keeps_the_first_time(ledger: Ledger):
    key = await ledger.key()
    first = await ledger.admin("revoke_api_key", NOON, key.id)
    assert await ledger.admin("revoke_api_key", NOON + DAY, key.id) == first


async def test_what_runs_is_still_settled_and_the_usage_stays(ledger: Ledger):
    key = await ledger.key()
    request = await ledger.hold(key)
    await ledger.admin("revoke_api_key", NOON, key.id)
    assert await ledger.settle(settlement(request, 3, 4)) == (1, 0)
    assert await ledger.month(key) == (7, 0, 1)


async def test_an_unknown_key_is_not_found(ledger: Ledger):
    assert (await ledger.admin("revoke_api_key", NOON, uuid4()))["refusal"] == "not_found"
