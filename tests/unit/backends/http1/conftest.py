"""A client, and a server that says what a test lets it say."""

from collections.abc import AsyncIterator

import pytest

from gateway.backends.http1 import Http1Client
from tests.support.byte_server import ByteServer, byte_server


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both loops that a gateway may run on: their transports are not of one make."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def server() -> AsyncIterator[ByteServer]:
    async with byte_server() as made:
        yield made


@pytest.fixture
async def client() -> AsyncIterator[Http1Client]:
    made = Http1Client(keep_alive=60)
    yield made
    made.close()
