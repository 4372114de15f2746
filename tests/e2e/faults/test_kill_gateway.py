"""A gateway that is killed or stopped at any moment counts each request once, deceives nobody."""

import asyncio
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.app import make_services
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.dialects.openai.chat import CHAT
from gateway.proxy.outbox import Outbox
from gateway.stores import Settlement
from gateway.stores.postgres import PostgresStore
from tests.support.books import Books, Row
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import MODEL, WORDS, Exchange, FakeUpstream
from tests.support.watching_client import Client, Seen, ask

CALLERS = 12
ROUNDS = 8
SEED = 20260


def counts_of(number: int) -> tuple[int, int]:
    """What the model reports for the request of this number."""
    return 100 + number, 1 + number % 30


async def numbered(exchange: Exchange) -> None:
    """Answer in as many words as are reported, giving way between any two."""
    prompt, completion = counts_of(int(exchange.text))
    if not exchange.json.get("stream"):
        await asyncio.sleep(0)
        await exchange.whole(exchange.completion("word " * completion, prompt, completion))
        return
    await exchange.head()
    for _ in range(completion):
        await exchange.words(("word ",))
        await asyncio.sleep(0)
    await exchange.usage(prompt, completion)


class Crowd:
    """Callers that ask one thing after the other until the gateway is gone."""

    def __init__(self, gateway: GatewayProcess, key: str) -> None:
        self.answers: list[tuple[int, Seen]] = []
        self._gateway = gateway
        self._key = key
        self._number = 0

    async def call_until_killed(self, dice: random.Random) -> None:
        """Kill the gateway at a moment that the dice choose: that of some answer or some word."""
        moment = asyncio.Event()
        left = dice.randrange(1, 120)
        words = dice.random() < 0.5
        chunks = random.Random(left)  # how many there are is another number in each run

        def look(seen: Seen) -> None:
            nonlocal left
            left -= seen.body.count(b"word") if words else seen.complete * 4
            if left <= 0:
                moment.set()

        async def call() -> None:
            while True:
                self._number += 1
                number = self._number
                stream = number % 3 > 0
                try:
                    client = await Client.ask(
                        self._gateway.url, self._key, str(number), stream=stream
                    )
                except OSError:
                    return
                if words and stream:
                    client.on_bytes = lambda: moment.set() if chunks.random() < 0.02 else None
                seen = await client.answer()
                self.answers.append((number, seen))
                if not seen.whole:
                    return
                look(seen)

        callers = [asyncio.create_task(call()) for _ in range(CALLERS)]
        await moment.wait()
        await self._gateway.kill()
        await asyncio.gather(*callers)


def check(answers: list[tuple[int, Seen]], rows: dict[UUID, Row]) -> None:
    """What clients saw and what is in the log agree."""
    for number, seen in answers:
        assert seen.failed or seen.complete, f"a clean short answer: {seen}"
        row = rows.get(seen.request_id) if seen.request_id else None
        if seen.complete:
            assert row is not None, "an answer was not counted"
            assert (row.counts, row.usage_source) == (counts_of(number), "reported")
        elif row is not None and row.usage_source == "reported":
            assert row.counts == counts_of(number)  # settled, and killed before the last byte left
        elif b"word" in seen.body:
            assert row is not None, "what was seen was not counted"
            assert row.usage_source == "estimated"
            assert 0 < row.completion_tokens <= 50
            assert row.prompt_tokens > 0


def test_killed_at_any_moment_each_answer_is_counted_once_and_no_cut_one_is_free(
    upstream: FakeUpstream, dsn: str, home: Path
) -> None:
    async def play() -> None:
        upstream.behave = numbered
        dice = random.Random(SEED)
        books = Books(dsn)
        key = await books.make_key()
        gateway = GatewayProcess(home, upstream.url, dsn, UPSTREAM_CONCURRENCY=6)
        crowd = Crowd(gateway, key)
        async with gateway:
            for _ in range(ROUNDS):
                await crowd.call_until_killed(dice)
                await gateway.start()
                check(crowd.answers, await books.settled())
            assert await gateway.stop() == 0
        rows = await books.balanced()
        cut = [row for row in rows.values() if row.status == "gateway_died"]
        assert len(rows) > CALLERS * ROUNDS
        assert cut, "no kill hit a running answer"
        assert {row.usage_source for row in cut} <= {"estimated", "reported"}

    asyncio.run(play())


def test_stopped_it_lets_answers_end_and_cuts_and_counts_the_rest_before_it_exits(
    upstream: FakeUpstream, dsn: str, home: Path
) -> None:
    gate = upstream.gate()

    async def behave(exchange: Exchange) -> None:
        if exchange.text != "whole at once":
            await exchange.head()
            await exchange.words(("some ", "words "))
        if exchange.text == "ends in time":
            await gate.passed()
            await exchange.words()
            await exchange.usage(12, 7)
        else:
            await asyncio.Event().wait()

    async def play() -> None:
        upstream.behave = behave
        books = Books(dsn)
        key = await books.make_key()
        async with GatewayProcess(home, upstream.url, dsn, UPSTREAM_CONCURRENCY=3) as gateway:
            ends = await Client.ask(gateway.url, key, "ends in time")
            hangs = await Client.ask(gateway.url, key, "hangs")
            for client in (ends, hangs):
                await client.until(b"words")
            whole = await Client.ask(gateway.url, key, "whole at once", stream=False)
            await asyncio.to_thread(upstream.wait_for_chats, 3)
            queued = await Client.ask(gateway.url, key, "queued")
            await eventually(lambda: waiting(gateway))

            stopping = asyncio.create_task(gateway.stop())
            await eventually(lambda: refuses(gateway))
            gate.open()
            seen = await ends.answer()
            assert seen.complete
            assert await stopping == 0

            rows = await books.balanced()  # nobody is there any more who could settle
            assert len(rows) == 4
            row = rows[seen.request_id]  # type: ignore[index]  # an answer has an id
            assert (row.counts, row.usage_source, row.status) == ((12, 7), "reported", "ok")
            for client in (hangs, whole, queued):
                assert (await client.answer()).failed
            cut = rows[hangs.seen().request_id]  # type: ignore[index]  # an answer has an id
            assert (cut.usage_source, cut.completion_tokens > 0) == ("estimated", True)

    async def waiting(gateway: GatewayProcess) -> bool:
        return (await gateway.health())["queue"]["waiting"] == 1

    async def refuses(gateway: GatewayProcess) -> bool:
        return (await ask(gateway.url, "", "")).status == 0

    asyncio.run(play())


@pytest.mark.parametrize("stream", [True, False])
def test_what_a_client_sees_is_on_disk_before_it_leaves(
    upstream: FakeUpstream, dsn: str, home: Path, stream: bool
) -> None:
    """The same without chance: what would be settled, had it died right before each send?"""
    gate = upstream.gate()

    async def in_two_parts(exchange: Exchange) -> None:
        if not stream:
            await exchange.whole(exchange.completion())
            return
        await exchange.head()
        await exchange.words()
        await gate.passed()
        await exchange.usage()

    async def play() -> None:
        upstream.behave = in_two_parts
        books = Books(dsn)
        key = await books.make_key()
        store = await PostgresStore.open(dsn, connections=1)
        settings = Settings(data_dir=home, ollama_base_url=(upstream.url,))
        services = make_services(settings, store, BackendPool(settings))  # nothing runs that sends
        sent: list[tuple[bytes, Settlement]] = []

        async def send(message: dict[str, Any]) -> None:
            copy = home / f"copy{len(sent)}"
            await asyncio.to_thread(shutil.copytree, home / "outbox", copy)
            sent.append((message.get("body", b""), await adopted(copy)))
            if b"Hello" in sent[-1][0]:
                gate.open()

        asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
        body = json.dumps(asked).encode()
        received = iter([{"type": "http.request", "body": body}])

        async def receive() -> dict[str, Any]:
            return next(received, None) or await asyncio.Event().wait()  # type: ignore[return-value] # never

        headers = [(b"authorization", b"Bearer " + key.encode())]
        scope = {"path": "/v1/chat/completions", "method": "POST", "headers": headers}
        await services.pipeline.serve(CHAT, scope, receive, send)

        for part, settlement in sent:
            if b"Hello" in part:
                assert settlement.completion_tokens > 0
                assert settlement.key_id == books.key_id  # countable even if the hold is lost
            if b"[DONE]" in part or not stream:
                assert settlement.usage_source == "reported"
                assert settlement.completion_tokens == len(WORDS)
        assert len(sent) >= 2
        services.outbox.close()
        await services.pool.close()
        await store.close()

    async def adopted(folder: Path) -> Settlement:
        """What the next process would send."""
        settlements: list[Settlement] = []
        came = asyncio.Event()

        async def take(batch: Sequence[Settlement]) -> None:
            settlements.extend(batch)
            came.set()

        outbox = Outbox(folder, take)
        task = asyncio.create_task(outbox.run())
        await came.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outbox.close()
        [settlement] = settlements
        return settlement

    asyncio.run(play())
