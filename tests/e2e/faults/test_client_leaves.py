"""A client that leaves, in any stage, frees the model at once and pays for what the model read and
produced."""

import asyncio
import time

import asyncpg
import pytest

from tests.support.failing_parts import eventually
from tests.support.fake_upstream import Exchange
from tests.support.leaving import SLOTS, Scene, held_by, never, scene, silence
from tests.support.patience import AT_ONCE
from tests.support.watching_client import Client

__all__ = ["scene"]
pytestmark = pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])


def test_one_that_leaves_while_it_waits_never_reaches_the_model(scene: Scene, reset: bool) -> None:
    async def play() -> None:
        gate = scene.upstream.gate()
        scene.upstream.behave = held_by(gate.passed)
        running = [await scene.begin(f"runs {number} {reset}") for number in range(SLOTS)]
        for client in running:
            await client.until(b"words")
        queued = await scene.begin(f"waits {reset}")
        stays = await scene.begin(f"stays {reset}")
        await scene.held(SLOTS + 2)
        began = time.monotonic()
        await queued.leave(reset=reset)
        await scene.held(SLOTS + 1)
        assert time.monotonic() - began < AT_ONCE
        gate.open()
        for client in (*running, stays):
            assert (await client.answer()).complete
        assert not [one for one in scene.upstream.chats if one.text == f"waits {reset}"]
        rows = await scene.new_rows(SLOTS + 2)
        [left] = [row for row in rows if row.status == "client_gone"]
        assert left.counts == (0, 0)
        await scene.every_slot_is_free()
        await scene.new_rows(SLOTS)

    asyncio.run(play())


def test_one_that_leaves_while_the_store_decides_never_reaches_the_model(
    scene: Scene, reset: bool
) -> None:
    async def play() -> None:
        scene.upstream.behave = silence
        store = await asyncpg.connect(scene.books.dsn)
        waits = (
            "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
            " and datname = current_database() and query like '%authorize_request%'"
        )

        async def decides() -> bool:
            await store.execute("select pg_stat_clear_snapshot()")  # one look lasts a transaction
            return bool(await store.fetch(waits))

        async def has_gone() -> bool:
            return not scene.gateway.has_connection_from(port)

        try:
            async with store.transaction():
                counters = "select 1 from gateway.key_counters where api_key_id = $1 for update"
                await store.fetch(counters, scene.books.key_id)
                client = await scene.begin(f"decides {reset}")
                port = client.writer.get_extra_info("sockname")[1]
                await eventually(decides)
                await client.leave(reset=reset)
                await eventually(has_gone)
                await scene.gateway.health()  # the gateway has seen it, too
        finally:
            await store.close()
        [row] = await scene.new_rows(1)
        assert row.status == "client_gone"
        assert row.counts == (0, 0)
        assert not [one for one in scene.upstream.chats if one.text == f"decides {reset}"]
        await scene.every_slot_is_free()
        await scene.new_rows(SLOTS)

    asyncio.run(play())


def test_one_that_leaves_with_another_request_sent_ahead_frees_the_model(
    scene: Scene, reset: bool
) -> None:
    async def play() -> None:
        scene.upstream.behave = silence
        client = await scene.begin(f"first {reset}", keep=True)
        exchange = await scene.reached(f"first {reset}")
        client.writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await client.writer.drain()
        began = time.monotonic()
        await client.leave(reset=reset)
        await scene.freed(exchange, began)
        [row] = await scene.new_rows(1)
        assert row.status == "client_gone"
        await scene.every_slot_is_free()
        await scene.new_rows(SLOTS)

    asyncio.run(play())


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_one_that_leaves_before_the_first_byte_frees_the_model(
    scene: Scene, reset: bool, stream: bool
) -> None:
    async def play() -> None:
        scene.upstream.behave = silence
        client = await scene.begin(f"loads {reset} {stream}", stream=stream)
        exchange = await scene.reached(f"loads {reset} {stream}")
        began = time.monotonic()
        await client.leave(reset=reset)
        await scene.freed(exchange, began)
        [row] = await scene.new_rows(1)
        assert (row.status, row.usage_source) == ("client_gone", "estimated")
        assert row.counts[0] > 0 == row.counts[1]  # the model had its prompt
        await scene.every_slot_is_free()
        await scene.new_rows(SLOTS)

    asyncio.run(play())


def test_one_that_leaves_a_prompt_of_digits_pays_for_each_of_them(
    scene: Scene, reset: bool
) -> None:
    digits = ("3141592653" if reset else "2718281828") * 300  # one that was not asked before

    async def play() -> None:
        scene.upstream.behave = silence
        client = await scene.begin(digits)
        exchange = await scene.reached(digits)
        await client.leave(reset=reset)
        await asyncio.to_thread(scene.upstream.wait_until, lambda: exchange.ended)
        [row] = await scene.new_rows(1)
        assert 2700 <= row.counts[0] <= 3100

    asyncio.run(play())


def test_one_that_leaves_in_mid_stream_frees_the_model_and_pays_for_what_it_saw(
    scene: Scene, reset: bool
) -> None:
    async def play() -> None:
        scene.upstream.behave = held_by(never)
        client = await scene.begin(f"sees two words {reset}")
        await client.until(b"words")
        exchange = await scene.reached(f"sees two words {reset}")
        began = time.monotonic()
        await client.leave(reset=reset)
        await scene.freed(exchange, began)
        [row] = await scene.new_rows(1)
        assert row.request_id == client.seen().request_id
        assert (row.status, row.usage_source) == ("client_gone", "estimated")
        assert 2 <= row.completion_tokens <= 4
        assert row.prompt_tokens > 0
        await scene.every_slot_is_free()
        await scene.new_rows(SLOTS)

    asyncio.run(play())


def test_one_that_leaves_a_half_sent_whole_answer_pays_for_that_half(
    scene: Scene, reset: bool
) -> None:
    text = f"half an answer {reset}"

    async def half(exchange: Exchange) -> None:
        await exchange.head("application/json")
        await exchange.send(b'{"choices":[{"index":0,"message":{"content":"' + b"word " * 20)
        await never()

    async def play() -> None:
        scene.upstream.behave = half
        client = await scene.begin(text, stream=False)
        exchange = await scene.reached(text)
        await eventually(noted)  # the gateway has it: it has written down how far it has come
        began = time.monotonic()
        await client.leave(reset=reset)
        await scene.freed(exchange, began)
        [row] = await scene.new_rows(1)
        assert (row.status, row.usage_source) == ("client_gone", "estimated")
        assert row.completion_tokens == 25

    async def noted() -> bool:
        slots = scene.gateway.data_dir / "outbox" / "000.slots"
        return b"\xb1completion_tokens\x19" in slots.read_bytes()

    asyncio.run(play())


def test_one_that_does_not_read_and_then_leaves_frees_the_model(scene: Scene, reset: bool) -> None:
    """The gateway waits for the client then, not for the model."""
    full = asyncio.Event()

    async def flood(exchange: Exchange) -> None:
        await exchange.head()
        loop = asyncio.get_running_loop()
        while True:
            stuck = loop.call_later(1.0, full.set)  # a second without room: nobody reads
            await exchange.words(("much " * 2000,))
            stuck.cancel()

    async def play() -> None:
        scene.upstream.behave = flood
        client = await scene.begin(f"does not read {reset}", max_tokens=4000)
        client.writer.transport.pause_reading()
        exchange = await scene.reached(f"does not read {reset}")
        await eventually(is_full)
        began = time.monotonic()
        await client.leave(reset=reset)
        await scene.freed(exchange, began)
        [row] = await scene.new_rows(1)
        assert row.status == "client_gone"
        assert row.completion_tokens > 0
        await scene.every_slot_is_free()
        await scene.new_rows(SLOTS)

    async def is_full() -> bool:
        return full.is_set()

    asyncio.run(play())


def test_a_crowd_that_leaves_all_at_once_loses_no_slot(scene: Scene, reset: bool) -> None:
    """Running and waiting ones in the same moment, as when a browser is closed."""

    async def play() -> None:
        for turn in range(5):
            scene.upstream.behave = held_by(never)
            names = [f"crowd {turn} {number} {reset}" for number in range(SLOTS + 6)]
            crowd = [await scene.begin(name) for name in names]
            await scene.held(SLOTS + 6)
            running = await scene.running(names)
            began = time.monotonic()
            await asyncio.gather(*(client.leave(reset=reset) for client in crowd))
            for exchange in running:
                await scene.freed(exchange, began)
            rows = await scene.new_rows(SLOTS + 6)
            assert {row.status for row in rows} == {"client_gone"}
            await scene.every_slot_is_free()
            await scene.new_rows(SLOTS)

    asyncio.run(play())


def test_one_that_leaves_while_it_sends_its_request_holds_nothing(
    scene: Scene, reset: bool
) -> None:
    async def play() -> None:
        before = len(await scene.books.rows())
        _, _, port = scene.gateway.url.rpartition(":")
        client = Client(*await asyncio.open_connection("127.0.0.1", int(port)))
        client.writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
            b'Content-Length: 500\r\n\r\n{"model":' % scene.books.key.encode()
        )
        await client.writer.drain()
        await client.leave(reset=reset)
        await scene.every_slot_is_free()
        await scene.new_rows(SLOTS)
        assert len(await scene.books.rows()) == before + SLOTS

    asyncio.run(play())
