"""One key that asks for much cannot starve another: seen from outside, through a whole gateway."""

import asyncio

from tests.support.callers import make_key, served
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.watching_client import Client


def test_a_key_that_asks_once_waits_for_one_turn_of_a_key_that_asks_often(
    upstream: FakeUpstream, dsn: str
) -> None:
    gate = upstream.gate()

    async def hold(exchange: Exchange) -> None:
        await exchange.head()
        await gate.passed()
        await exchange.words()
        await exchange.usage()

    async def ask_in_order(url: str, greedy: str, modest: str) -> None:
        clients = [await Client.ask(url, greedy, "greedy 0")]
        await clients[0].until(b": working\n\n")
        for number in range(1, 6):
            clients.append(await Client.ask(url, greedy, f"greedy {number}"))
            await clients[-1].until(b": waiting, position %d" % number)
        clients.append(await Client.ask(url, modest, "modest"))
        await clients[-1].until(b": waiting, position 1")
        gate.open()
        for client in clients:
            assert (await client.answer()).complete

    upstream.behave = hold
    with served(upstream.url, dsn, UPSTREAM_CONCURRENCY=1, HEARTBEAT_SECONDS=0.05) as gateway:
        greedy, modest = make_key(gateway.url), make_key(gateway.url)
        asyncio.run(ask_in_order(gateway.url, greedy, modest))
    order = [exchange.text for exchange in upstream.chats]
    assert order[:3] == ["greedy 0", "greedy 1", "modest"]
    assert order[3:] == ["greedy 2", "greedy 3", "greedy 4", "greedy 5"]
