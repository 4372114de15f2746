"""The hold of a gateway that is gone for good is released by another, and counted if it
returns."""

import asyncio
from pathlib import Path
from typing import cast
from uuid import uuid4

from gateway.core.keys import hash_key
from gateway.proxy.background import sweep_holds
from gateway.proxy.inflight import InFlight
from gateway.stores import AuthorizationRequest, Settlement
from gateway.stores.postgres import PostgresStore
from tests.support.books import Books
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import Exchange, FakeUpstream, answer
from tests.support.postgres import execute
from tests.support.watching_client import Client, ask

LIMIT = 110  # tokens a month: one request of 50 tokens and what its prompt may cost, but not two


async def hang(exchange: Exchange) -> None:
    if exchange.text == "hangs":
        await exchange.head()
        await exchange.words(("some ", "words "))
        await asyncio.Event().wait()
    await answer(exchange)


def test_another_gateway_releases_it_and_a_late_settlement_still_counts_once(
    home: Path, dsn: str, upstream: FakeUpstream
) -> None:
    async def play() -> None:
        upstream.behave = hang
        books = Books(dsn)
        key = await books.make_key(monthly_token_limit=LIMIT)
        dead, other = (home / "dead", home / "other")
        for directory in (dead, other):
            directory.mkdir()
        first = GatewayProcess(dead, upstream.url, dsn)
        second = GatewayProcess(other, upstream.url, dsn)
        async with first, second:
            client = await Client.ask(first.url, key, "hangs")
            await client.until(b"words")
            await first.kill()
            assert (await client.answer()).failed

            refused = await ask(second.url, key, "Hi")
            assert refused.status == 429
            assert b"rate_limit_exceeded" in refused.body
            assert await books.holds() == 1

            # Its time to live passes; then some gateway looks, as each does at its start.
            await execute(dsn, "update gateway.holds set expires_at = now() - interval '1 second'")
            assert await second.stop() == 0
            await second.start()

            async def released() -> bool:
                return await books.holds() == 0

            await eventually(released)
            assert await books.counter() == (0, 0, 0)
            assert (await ask(second.url, key, "Hi")).complete
            await books.settled(1)

            await first.start()  # it comes back after all, with what it had seen
            rows = await books.settled(2)
            late = rows[client.seen().request_id]  # type: ignore[index]  # an answer has an id
            assert (late.status, late.usage_source) == ("gateway_died", "estimated")
            assert late.completion_tokens > 0
            for gateway in (first, second):
                assert await gateway.stop() == 0
            assert await books.balanced() == rows

    asyncio.run(play())


def test_the_holds_of_a_living_gateway_are_renewed_however_long_its_answers_take(
    home: Path, dsn: str, upstream: FakeUpstream
) -> None:
    async def play() -> None:
        books = Books(dsn)
        key_hash = hash_key(await books.make_key())
        store = await PostgresStore.open(dsn, connections=1)
        alive, dead = uuid4(), uuid4()
        for request_id in (alive, dead):
            verdict = await store.authorize(
                AuthorizationRequest(
                    request_id, key_hash, "chat", None, "m:latest", "/v1/chat/completions", 9, 9
                )
            )
            assert verdict.allowed
        await execute(dsn, "update gateway.holds set expires_at = now() - interval '1 second'")
        in_flight = {alive: cast(InFlight, None)}  # only its id is looked at
        sweeping = asyncio.create_task(sweep_holds(store, in_flight))

        async def one_is_left() -> bool:
            return await books.holds() == 1

        await eventually(one_is_left)
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await store.sweep([])  # another gateway, which knows nothing of it
        assert await books.counter() == (0, 18, 0)
        await store.settle([Settlement(alive, 5, 4), Settlement(dead, 3, 2)])
        rows = await books.balanced()
        assert {name: row.counts for name, row in rows.items()} == {alive: (5, 4), dead: (3, 2)}
        await store.close()

    asyncio.run(play())
