"""identify_key: who a key is, without spending anything."""

import pytest

from tests.support.sql.ledger import DAY, NOON, Key, Ledger, new_hash

pytestmark = pytest.mark.anyio


async def test_names_the_key_and_the_models_it_may_use(ledger: Ledger):
    key = await ledger.key(models=["small", "large"], scopes=["models:read"])
    found = await ledger.identify(key, scope="models:read")
    assert (found.allowed, found.reason, found.key_id) == (True, None, key.id)
    assert found.allowed_models == ["small", "large"]
    assert (await ledger.identify(await ledger.key())).allowed_models is None


async def test_refuses_as_authorising_does(ledger: Ledger):
    key = await ledger.key(expires_at=NOON, origins=["https://a.example"])
    before = NOON - DAY
    assert (await ledger.identify(key, before, scope="models:pull")).reason == "scope_missing"
    both = await ledger.identify(key, before, scope="models:pull", origin="https://b.example")
    assert both.reason == "origin_not_allowed"
    wrong = await ledger.identify(key, before, origin="https://b.example")
    assert (wrong.allowed, wrong.reason) == (False, "origin_not_allowed")
    assert (await ledger.identify(key)).reason == "key_expired"
    unknown = await ledger.identify(Key(key.id, new_hash()))
    assert (unknown.reason, unknown.key_id) == ("invalid_api_key", None)


async def test_a_key_needs_every_scope_that_is_named(ledger: Ledger):
    key = await ledger.key(scopes=["chat", "models:read", "ollama:native"])
    for scope in ("chat", "chat ollama:native", "ollama:native chat", "models:read chat", None):
        assert (await ledger.identify(key, scope=scope)).allowed, scope
    for scope in ("embeddings", "chat embeddings", "embeddings chat", "chat  ollama:native"):
        assert (await ledger.identify(key, scope=scope)).reason == "scope_missing", scope
    for nonsense in ("", " ", "chat ", "chat,ollama:native", "CHAT", "%", "chat\tollama:native"):
        assert (await ledger.identify(key, scope=nonsense)).reason == "scope_missing", nonsense


async def test_spends_nothing_and_counts_no_call(ledger: Ledger):
    key = await ledger.key(rate=1)
    for _ in range(3):
        assert (await ledger.identify(key)).allowed
    assert (await ledger.authorize(key)).rate_remaining == 0
    assert (await ledger.month(key))[0] == 0
