"""Doctor says where a model server runs fewer requests at once than it is given."""

import asyncio
import itertools
import json
from pathlib import Path

import pytest

from gateway.backends.probe import look_at_all
from gateway.checks.parallel import at_once, parallel
from gateway.config.settings import Settings
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream, fake_upstream

pytestmark = pytest.mark.anyio
WORDS = tuple("abcdefghijklmnopqrst")


def runs(upstream: FakeUpstream, slots: int, said: tuple[str, ...] = WORDS) -> None:
    """It runs so many at once: each goes on when as many as that have begun. One word ends an
    answer at once; of several it says them again and again."""
    free = asyncio.Semaphore(slots)
    begun: list[Exchange] = []
    full = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        async with free:
            await exchange.head()
            await exchange.words(said[:1])
            begun.append(exchange)
            if len(begun) >= slots:
                full.set()
            await full.wait()
            while len(said) > 1:  # until it is closed: nobody else begins before
                await exchange.words(said)
                await asyncio.sleep(0.02)
            await exchange.usage()

    upstream.behave = answer


@pytest.mark.parametrize("slots", [1, 2, 4])
async def test_it_counts_how_many_run_at_once(slots: int):
    with fake_upstream() as upstream:
        runs(upstream, slots)
        assert await at_once(upstream.url, MODEL, 4) == slots
        assert upstream.chats[0].json["max_tokens"] < 100  # it costs next to nothing


async def test_an_answer_that_ends_soon_convicts_no_server_of_queueing():
    """The last of four may be late because the machine is busy."""

    asked = itertools.count(1)

    async def quick(exchange: Exchange) -> None:
        await exchange.head()
        if next(asked) % 4 == 0:
            await asyncio.Event().wait()  # until it is closed
        said = [exchange.chunk([{"index": 0, "delta": {"content": word}}]) for word in WORDS]
        # In one piece: however busy the machine is, no time passes within it.
        await exchange.send(b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in said))
        await exchange.end()

    with fake_upstream() as upstream:
        upstream.behave = quick
        assert await at_once(upstream.url, MODEL, 4) is None


async def test_too_short_an_answer_or_an_error_says_nothing():
    async def broken(exchange: Exchange) -> None:
        await exchange.whole({"error": "no"}, 500)

    with fake_upstream() as upstream:
        runs(upstream, 1, WORDS[:1])
        assert await at_once(upstream.url, MODEL, 2) is None
        upstream.behave = broken
        assert await at_once(upstream.url, MODEL, 2) is None
    assert await at_once("http://127.0.0.1:9", MODEL, 2) is None


async def test_fewer_than_upstream_concurrency_is_a_warning_that_names_the_setting(tmp_path: Path):
    with fake_upstream() as upstream:
        url = upstream.url
        loaded = Settings(data_dir=tmp_path, ollama_base_url=(url,))
        found = await look_at_all((url,))
        runs(upstream, 1)
        finding = await parallel(loaded, found)
        assert (finding.check, finding.state) == ("parallel", "warn")
        for words in ("1 of 4", "OLLAMA_NUM_PARALLEL=4", "UPSTREAM_CONCURRENCY=1"):
            assert words in finding.text
        runs(upstream, 4)
        assert (await parallel(loaded, found)).state == "ok"
        before = len(upstream.chats)
        for one in found.values():
            one.loaded.clear()
        assert "no model is in memory" in (await parallel(loaded, found)).text
        assert len(upstream.chats) == before
