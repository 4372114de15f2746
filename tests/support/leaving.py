"""What clients that leave have before them: a gateway and its model server."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.support.books import Books, Row
from tests.support.failing_parts import GatewayProcess, eventually, fresh_database
from tests.support.fake_upstream import Exchange, FakeUpstream, fake_upstream
from tests.support.gateway_process import fresh_directory
from tests.support.patience import AT_ONCE
from tests.support.postgres import Server
from tests.support.watching_client import Client, ask

SLOTS = 2


class Scene:
    """One gateway with two slots between a model server and clients that leave."""

    def __init__(self, gateway: GatewayProcess, upstream: FakeUpstream, books: Books) -> None:
        self.gateway, self.upstream, self.books = gateway, upstream, books
        self._known: set[UUID] = set()

    async def begin(self, text: str, **options: Any) -> Client:
        return await Client.ask(self.gateway.url, self.books.key, text, **options)

    async def reached(self, text: str) -> Exchange:
        """The request of this text, once the model server has it."""

        def found() -> Exchange | None:
            return next((one for one in self.upstream.chats if one.text == text), None)

        exchange = await asyncio.to_thread(self.upstream.wait_until, found)
        assert exchange is not None
        return exchange

    async def running(self, texts: list[str]) -> list[Exchange]:
        """Those of them that have a slot, when all slots are taken."""

        def found() -> list[Exchange]:
            chats = [one for one in self.upstream.chats if one.text in texts]
            return chats if len(chats) >= SLOTS else []

        exchanges = await asyncio.to_thread(self.upstream.wait_until, found)
        assert len(exchanges) == SLOTS
        return exchanges

    async def held(self, count: int) -> None:
        """So many requests have been let through and have not ended."""

        async def so_many() -> bool:
            return await self.books.holds() == count

        await eventually(so_many)

    async def freed(self, exchange: Exchange, since: float) -> None:
        """The model server, which would never end, has soon seen its connection closed."""
        await asyncio.to_thread(self.upstream.wait_until, lambda: exchange.ended)
        assert time.monotonic() - since < AT_ONCE

    async def every_slot_is_free(self) -> None:
        """As many run at once as there are slots."""
        gate = self.upstream.gate()
        self.upstream.behave = held_by(gate.passed)
        texts = [f"next {number} {time.monotonic()}" for number in range(SLOTS)]
        callers = [asyncio.create_task(ask(self.gateway.url, self.books.key, t)) for t in texts]
        for text in texts:
            await self.reached(text)
        gate.open()
        for caller in callers:
            assert (await caller).complete

    async def new_rows(self, count: int) -> list[Row]:
        """What was settled since the last look, when nothing is held any more."""
        rows = await self.books.settled(len(self._known) + count)
        found = [row for name, row in rows.items() if name not in self._known]
        self._known = set(rows)
        assert len(found) == count
        return found


@pytest.fixture(scope="module")
def scene(postgres: Server) -> Iterator[Scene]:
    with fake_upstream() as upstream, fresh_database(postgres) as dsn, fresh_directory() as home:
        books = Books(dsn)
        asyncio.run(books.make_key())
        gateway = GatewayProcess(home, upstream.url, dsn, UPSTREAM_CONCURRENCY=SLOTS)
        asyncio.run(gateway.start())
        try:
            yield Scene(gateway, upstream, books)
        finally:
            assert asyncio.run(gateway.stop()) == 0


async def never() -> None:
    await asyncio.Event().wait()


def held_by(wait: Callable[[], Awaitable[None]]) -> Callable[[Exchange], Awaitable[None]]:
    """Two words, then what is waited for, then the end of a good answer."""

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(("two ", "words "))
        await wait()
        await exchange.usage(3, 2)

    return behave


async def silence(_: Exchange) -> None:
    """As Ollama while it loads a model: not even a head."""
    await never()
