"""A machine with room for one model: A A B A C A B C are served with three loads, not seven."""

import asyncio

from tests.support.callers import make_key, served
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.watching_client import Client

LETTERS = "AABACABC"


class OneModel:
    """A scripted Ollama that drops the model in memory to load another. `loads`: their names."""

    def __init__(self, upstream: FakeUpstream) -> None:
        names = [f"model-{letter.lower()}:latest" for letter in sorted(set(LETTERS))]
        listed = [{"name": name, "details": {"context_length": 4096}} for name in names]
        upstream.models = listed
        upstream.loaded = []
        upstream.behave = self.serve
        self.first = upstream.gate()
        self.loads: list[str] = []
        self._upstream = upstream

    async def serve(self, exchange: Exchange) -> None:
        name = exchange.json["model"]
        if self.loads[-1:] != [name]:
            self.loads.append(name)
            self._upstream.loaded = [{"name": f"{name}:latest", "context_length": 4096}]
        await self.first.passed()  # until all have asked
        await exchange.head()
        await exchange.words()
        await exchange.usage()


def test_what_is_in_memory_is_served_first_and_each_model_loaded_once(
    upstream: FakeUpstream, dsn: str
) -> None:
    machine = OneModel(upstream)

    async def ask_in_order(url: str, key: str) -> None:
        clients: list[Client] = []
        for place, letter in enumerate(LETTERS):
            clients.append(await Client.ask(url, key, f"{place}", model=f"model-{letter.lower()}"))
            sign = b": waiting, position %d" % place if place else b": working"
            await clients[-1].until(sign)
        machine.first.open()
        for client in clients:
            assert (await client.answer()).complete

    with served(upstream.url, dsn, UPSTREAM_CONCURRENCY=1, HEARTBEAT_SECONDS=0.05) as gateway:
        asyncio.run(ask_in_order(gateway.url, make_key(gateway.url)))
    assert machine.loads == [f"model-{letter}" for letter in "abc"]
    assert [exchange.text for exchange in upstream.chats] == list("01352647")
