"""Everything at once: two gateways, one database, and all that can fail, in an order of dice."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.support.books import Books
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import FakeUpstream
from tests.support.postgres import Server, own_postgres
from tests.support.storm import Storm, behave
from tests.support.supabase_project import nothing_waits

__all__ = ["own_postgres"]

SEEDS = [1, 2]


@pytest.mark.parametrize("seed", SEEDS)
def test_counter_log_clients_and_model_server_agree_after_all_that_can_fail(
    postgres: Server, home: Path, dsn: str, upstream: FakeUpstream, seed: int
) -> None:
    async def play() -> None:
        upstream.behave = behave
        books = Books(dsn)
        key = await books.make_key()
        homes = [home / "first", home / "second"]
        for directory in homes:
            directory.mkdir()
        first, second = (GatewayProcess(one, upstream.url, dsn) for one in homes)

        async def kill_the_database() -> None:
            await asyncio.to_thread(postgres.kill)
            await asyncio.to_thread(postgres.start)

        async def kill_the_first() -> None:
            await first.kill()
            await first.start()

        async def stop_the_second() -> None:
            assert await second.stop() == 0
            await second.start()

        async def kill_the_model_server() -> None:
            await asyncio.to_thread(upstream.stop)
            await asyncio.to_thread(upstream.start)

        async with first, second:
            storm = Storm([first, second], key, seed)
            await storm.rage(
                [kill_the_first, kill_the_database, stop_the_second, kill_the_model_server]
            )
            for gateway in (first, second):  # what was served meanwhile has no hold to wait for
                await eventually(partial(nothing_waits, gateway))
            rows = await books.settled()
            for gateway in (first, second):
                assert await gateway.stop() == 0
            assert await books.balanced() == rows
            storm.check(rows)

    asyncio.run(play())
