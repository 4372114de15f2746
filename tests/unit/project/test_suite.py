"""What the suite itself has to keep, so that its files can be run side by side."""

import asyncio
import socket
from collections import Counter
from contextlib import AsyncExitStack
from itertools import chain, islice
from pathlib import Path

import pytest
from blockbuster import BlockingError

from gateway.config import secret_files
from tests.support.bare_gateway import bare_gateway, served
from tests.support.gateway_process import ports_of
from tests.support.stream_server import being_accepted, serving


def test_no_two_tests_share_an_id(request: pytest.FixtureRequest):
    """pytest-xdist runs one of those that do, and says nothing of the others."""
    ids = Counter(item.nodeid for item in request.session.items)
    assert [name for name, times in ids.items() if times > 1] == []


def test_those_who_run_tests_side_by_side_are_given_ports_of_their_own():
    shares = [list(islice(ports_of(f"gw{number}"), 1000)) for number in range(4)]
    given = Counter(chain.from_iterable(shares))
    assert max(given.values()) == 1


@pytest.mark.anyio
async def test_a_call_of_the_gateway_that_blocks_an_event_loop_is_an_error(tmp_path: Path):
    with pytest.raises(BlockingError):
        secret_files.read_or_make(tmp_path / "secret", secret_files.new_secret)


async def _never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.anyio
@pytest.mark.parametrize("gateway", [False, True], ids=["of streams", "the gateway"])
async def test_a_connection_that_comes_as_a_server_ends_is_not_left_open(
    tmp_path: Path, *, gateway: bool
):
    """What is left open fails a later test, which knows nothing of it."""
    with bare_gateway(tmp_path) as services, socket.socket() as client:
        async with AsyncExitStack() as server:
            if gateway:
                url = await server.enter_async_context(served(services))
                port = int(url.rpartition(":")[2])
            else:
                port = await server.enter_async_context(serving(_never))
            client.connect(("127.0.0.1", port))
            while not being_accepted():
                await asyncio.sleep(0)
