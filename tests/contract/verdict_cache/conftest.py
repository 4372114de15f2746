"""What is remembered of keys in front of a Supabase store, which a test can take away."""

from collections.abc import AsyncIterator

import pytest

from gateway.proxy import verdict_cache
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores.supabase import SupabaseStore
from tests.support.postgrest.fixtures import supabase
from tests.support.postgrest.stand_in import StandIn

__all__ = ["supabase"]


@pytest.fixture
async def store(supabase: StandIn) -> AsyncIterator[SupabaseStore]:
    opened = SupabaseStore(supabase.url, supabase.secret_key)
    yield opened
    await opened.close()


@pytest.fixture
async def known(
    store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[VerdictCache]:
    """It looks for a store that is away as often as it can."""
    monkeypatch.setattr(verdict_cache, "PROBE", 0.01)
    made = VerdictCache(store, overlap=True, grace=300.0)
    yield made
    await made.close()
