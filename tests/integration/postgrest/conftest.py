"""A client of the stand-in, with the project's secret key."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.postgrest.fixtures import supabase
from tests.support.postgrest.stand_in import StandIn

__all__ = ["supabase"]


@pytest.fixture
async def http(supabase: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"apikey": supabase.secret_key}
    base = f"{supabase.url}/rest/v1"
    async with httpx.AsyncClient(base_url=base, headers=headers, verify=False) as client:  # HTTP
        yield client
