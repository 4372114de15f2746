"""Several model servers at work: the least busy is asked, and none waits or breaks for another."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.failing_parts import eventually
from tests.support.fake_upstream import WORDS, Exchange, Gate, answer
from tests.support.several_backends import Behave, Machines, two_machines, two_servers
from tests.support.watching_client import Client, ask


@pytest.fixture(scope="module")
def running(shared_dsn: str) -> Iterator[Machines]:
    with two_servers() as (first, second):
        first.models.append({"name": "only-first"})
        second.models.append({"name": "only-second"})
        with two_machines(shared_dsn, first, second, UPSTREAM_CONCURRENCY=2) as scene:
            yield scene


@pytest.fixture
def scene(running: Machines) -> Machines:
    running.reset()
    return running


def holding(gate: Gate) -> Behave:
    """An answer that does not end before the gate opens."""

    async def hold(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words()
        await gate.passed()
        await exchange.usage()

    return hold


def test_the_least_busy_machine_is_asked_and_none_beyond_its_slots(scene: Machines) -> None:
    gates = [one.gate() for one in scene.both]

    async def play() -> None:
        clients: list[Client] = []
        for name in ("a", "b", "c", "d"):
            clients.append(await Client.ask(scene.gateway.url, scene.books.key, name))
            await clients[-1].until(WORDS[-1].encode())
        fifth = asyncio.create_task(ask(scene.gateway.url, scene.books.key, "e"))

        async def waiting() -> bool:
            return (await scene.gateway.health())["queue"] == {"running": 4, "waiting": 1}

        await eventually(waiting)
        health = await scene.gateway.health()
        assert [one["running"] for one in health["ollama"]["machines"].values()] == [2, 2]
        assert [[one.text for one in server.chats] for server in scene.both] == [
            ["a", "c"],
            ["b", "d"],
        ]
        gates[1].open()
        await asyncio.to_thread(scene.second.wait_for_chats, 3)
        gates[0].open()
        for client in clients:
            assert (await client.answer()).complete
        assert (await fifth).complete

    scene.first.behave, scene.second.behave = map(holding, gates)
    asyncio.run(play())
    assert scene.chats == (2, 3)


def test_a_machine_that_dies_fails_what_it_had_begun_and_nothing_else(scene: Machines) -> None:
    never, gate = scene.first.gate(), scene.second.gate()

    async def third_at_once(exchange: Exchange) -> None:
        await (answer if exchange.text == "third" else holding(gate))(exchange)

    async def play() -> None:
        url, key = scene.gateway.url, scene.books.key
        on_first = await Client.ask(url, key, "first")
        await on_first.until(WORDS[-1].encode())
        on_second = await Client.ask(url, key, "second")
        await on_second.until(WORDS[-1].encode())
        assert scene.chats == (1, 1)
        await asyncio.to_thread(scene.first.stop)
        broken = await on_first.answer()
        assert broken.failed
        assert b"upstream_error" in broken.body
        assert (await ask(url, key, "third")).complete
        gate.open()
        assert (await on_second.answer()).complete
        await asyncio.to_thread(scene.first.start)
        rows = await scene.books.settled()
        assert broken.request_id is not None
        row = rows[broken.request_id]
        assert (row.usage_source, row.status) == ("estimated", "truncated")
        assert row.completion_tokens >= len(WORDS)
        await scene.mended()

    scene.first.behave, scene.second.behave = holding(never), third_at_once
    asyncio.run(play())


def test_a_client_that_leaves_while_another_machine_is_tried_stops_that_one(
    scene: Machines,
) -> None:
    never = scene.second.gate()

    async def play() -> None:
        client = await Client.ask(scene.gateway.url, scene.books.key, "Hi")
        await asyncio.to_thread(scene.second.wait_for_chats, 1)
        await client.leave()
        await asyncio.to_thread(scene.second.wait_until, lambda: scene.second.chats[0].gone)

        async def idle() -> bool:
            health = await scene.gateway.health()
            return all(one["running"] == 0 for one in health["ollama"]["machines"].values())

        await eventually(idle)
        await scene.books.settled()

    scene.first.behave, scene.second.behave = (
        lambda exchange: exchange.whole({}, 503),
        holding(never),
    )
    asyncio.run(play())
    assert scene.chats == (1, 1)


def test_who_waits_for_one_machine_keeps_no_other_key_from_another(scene: Machines) -> None:
    gate = scene.first.gate()

    async def play() -> None:
        url, key = scene.gateway.url, scene.books.key
        asked = [
            asyncio.create_task(ask(url, key, f"{number}", model="only-first"))
            for number in range(6)
        ]

        async def waiting() -> bool:
            return (await scene.gateway.health())["queue"] == {"running": 2, "waiting": 4}

        await eventually(waiting)
        seen = await ask(url, key, "other", model="only-second")
        assert seen.complete
        assert scene.chats == (2, 1)
        gate.open()
        assert all(one.complete for one in await asyncio.gather(*asked))

    scene.first.behave = holding(gate)
    asyncio.run(play())
