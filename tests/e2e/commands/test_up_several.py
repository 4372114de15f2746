"""`localllm up` with several addresses: the demo model stands in only while none answers."""

import asyncio
from pathlib import Path

import pytest

from tests.support.books import Books
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import MODEL
from tests.support.processes import within
from tests.support.several_backends import two_servers
from tests.support.watching_client import ask

DEMO = "gemma3:270m"


def has_demo(gateway: GatewayProcess) -> bool:
    assert gateway.running is not None
    return bool(within(gateway.running.process.pid, "gateway.demo"))


def test_one_that_answers_is_enough_for_no_demo_model(home: Path, dsn: str) -> None:
    async def play() -> None:
        with two_servers() as (first, second):
            first.stop()
            gateway = GatewayProcess(home, f"{first.url},{second.url}", dsn)
            try:
                await gateway.start("up")
                assert gateway.running is not None
                gateway.running.wait_for(f"Model: {MODEL} at {second.url}")
                assert not has_demo(gateway)
                assert await gateway.stop() == 0
            finally:
                await gateway.__aexit__()
            first.start()

    asyncio.run(play())


@pytest.mark.demo
def test_the_demo_model_answers_until_the_first_of_them_does(home: Path, dsn: str) -> None:
    async def play() -> None:
        books = Books(dsn)
        key = await books.make_key()
        with two_servers() as (first, second):
            for one in (first, second):
                one.stop()
            gateway = GatewayProcess(home, f"{first.url},{second.url}", dsn)
            try:
                await gateway.start("up")
                assert gateway.running is not None
                assert f"at {first.url} or {second.url}" in gateway.running.output
                seen = await ask(gateway.url, key, "Hi", model=DEMO, max_tokens=4)
                assert seen.complete
                second.start()
                gateway.running.wait_for(f"switched to {second.url}")
                assert (await ask(gateway.url, key, "Hi")).complete
                first.models[0]["name"] = "only-first:latest"
                first.start()

                async def first_is_used() -> bool:
                    return (await ask(gateway.url, key, "Hi", model="only-first")).complete

                await eventually(first_is_used)
                assert await gateway.stop() == 0
            finally:
                await gateway.__aexit__()

    asyncio.run(play())
