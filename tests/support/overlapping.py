"""A gateway whose store lets its verdicts wait, and what is seen of it meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.supabase_project import gateway_of
from tests.support.watching_client import Client


@pytest.fixture
def project(dsn: str) -> Iterator[StandIn]:
    with stand_in(dsn) as running:
        yield running


@pytest.fixture
async def gateway(
    project: StandIn, home: Path, upstream: FakeUpstream
) -> AsyncIterator[GatewayProcess]:
    async with gateway_of(project, home, upstream, HEARTBEAT_SECONDS=0.2) as running:
        yield running


def undecided(project: StandIn) -> AbstractContextManager[None]:
    """Until the end of this, the project knows of no verdict."""
    return project.holding("authorize_request")


async def reached(upstream: FakeUpstream, text: str) -> Exchange:
    """The request of this text, once the model server has it."""
    found = await asyncio.to_thread(
        upstream.wait_until,
        lambda: next((one for one in upstream.chats if one.text == text), None),
    )
    assert found is not None
    return found


async def sees_nothing(client: Client, gateway: GatewayProcess) -> bool:
    """Not even a head, though signs of life are long due."""
    reading = asyncio.create_task(client.status())
    await asyncio.sleep(0.5)  # more than two heartbeats
    await gateway.health()
    nothing = not reading.done()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return nothing
