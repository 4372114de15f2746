"""The demo model is a child that can die like any other."""

import asyncio
from pathlib import Path

import pytest

from tests.support.books import Books
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import FakeUpstream
from tests.support.processes import within
from tests.support.watching_client import Client, ask


@pytest.mark.demo
def test_the_demo_model_killed_mid_stream_is_an_error_for_the_client_and_counted(
    home: Path, dsn: str, upstream: FakeUpstream
) -> None:
    async def play() -> None:
        upstream.stop()
        books = Books(dsn)
        key = await books.make_key()
        gateway = GatewayProcess(home, upstream.url, dsn)
        try:
            await gateway.start("up")
            assert gateway.running is not None
            [demo] = within(gateway.running.process.pid, "gateway.demo")
            client = await Client.ask(
                gateway.url, key, "Count.", model="gemma3:270m", max_tokens=4000
            )
            await client.until(b'"content":')
            demo.kill()
            seen = await client.answer()
            assert seen.failed
            rows = await books.settled(1)
            [row] = rows.values()
            assert (row.usage_source, row.status) == ("estimated", "truncated")
            assert row.completion_tokens > 0

            async def answers() -> bool:
                again = await ask(gateway.url, key, "Hi", model="gemma3:270m", max_tokens=4)
                return again.complete

            await eventually(answers)
        finally:
            await gateway.__aexit__()

    asyncio.run(play())
