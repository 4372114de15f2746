"""A gateway behind the tunnel's stand-in, a browser, and the keys of websites."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest

from tests.support.behind_a_tunnel import behind
from tests.support.callers import make_keys
from tests.support.failing_parts import fresh_database
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.postgres import Server
from tests.support.tunnel.up import Up

__all__ = ["upstream_of_all"]

Sql = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="session")
def house_dsn(postgres: Server) -> Iterator[str]:
    with fresh_database(postgres) as address:
        yield address


@pytest.fixture(scope="session")
def house(shared_upstream: FakeUpstream, house_dsn: str) -> Iterator[Up]:
    """`edge` is what the world sees of it."""
    with behind(shared_upstream, house_dsn) as it:
        yield it


@pytest.fixture
def sql(house_dsn: str) -> Sql:
    """Runs a statement on the gateway's database: what would take hours happens at once."""

    async def run(statement: str, *arguments: object) -> Any:
        connection = await asyncpg.connect(house_dsn)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    return run


async def site_key(house: Up, origin: str, *by: str, **visitors: Any) -> dict[str, Any]:
    """A new key of a website, with all that its owner is told of it."""
    limits = {"tokens_per_day": 100_000, "requests_per_min": 1000, **visitors}
    fields = {
        "visitors": {"by": [*by], **limits}, "scopes": ["chat"],
        "allowed_models": ["fake:latest"], "allowed_origins": [origin],
    }  # fmt: skip
    return await asyncio.to_thread(make_keys, house.gateway.url, "a website", **fields)
