"""The end of `up --tunnel` with answers under way: the tunnel first, then they, then the gateway;
and each is counted once, however it ended."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.behind_a_tunnel import port
from tests.support.books import Books, Row
from tests.support.cloudflared import scenario
from tests.support.fake_upstream import PROMPT_TOKENS, Exchange, FakeUpstream, Gate
from tests.support.gateway_process import PATIENCE, ask
from tests.support.patience import AT_ONCE
from tests.support.processes import is_alive
from tests.support.tunnel.up import Up, up
from tests.support.watching_client import Client, Seen
from tunnel import status_file

WORDS = 2  # of a whole answer of `held`


class Scene:
    """Two answers under way through the tunnel, of which a word has come: a stream, and one in one
    piece. `gate` lets the model end them."""

    def __init__(self, it: Up, books: Books, gate: Gate) -> None:
        self.it, self.books, self.gate = it, books, gate
        self.stream: Client
        self.whole: Client

    async def begin(self, upstream: FakeUpstream) -> None:
        key = await self.books.make_key()
        self.stream = await Client.ask(self.it.edge, key, "stream")
        await self.stream.until(b'"one"')
        self.whole = await Client.ask(self.it.edge, key, "whole", stream=False)
        await asyncio.to_thread(upstream.wait_for_chats, 2)

    async def answers(self) -> list[Seen]:
        return [await self.stream.answer(), await self.whole.answer()]

    def send(self, number: signal.Signals) -> None:
        self.it.running.process.send_signal(number)

    async def said(self, pattern: str) -> None:
        await asyncio.to_thread(self.it.running.wait_for, pattern)

    async def exit_code(self) -> int:
        return await asyncio.to_thread(self.it.running.process.wait, PATIENCE)


@asynccontextmanager
async def scene(
    upstream: FakeUpstream, dsn: str, folder: Path, **settings: object
) -> AsyncIterator[Scene]:
    gate = upstream.gate()

    async def behave(exchange: Exchange) -> None:
        if exchange.json.get("stream"):
            await exchange.head()
            await exchange.words(("one",))
            await gate.passed()
            await exchange.words(("two",))
            await exchange.usage(PROMPT_TOKENS, WORDS)
        else:
            await gate.passed()
            await exchange.whole(exchange.completion("one two", PROMPT_TOKENS, WORDS))

    upstream.behave = behave
    scenario.install(folder / "stand-in")
    opened = up(upstream, dsn, folder / "stand-in", **settings)
    it = await asyncio.to_thread(opened.__enter__)
    try:
        made = Scene(it, Books(dsn), gate)
        await made.begin(upstream)
        yield made
    finally:
        await asyncio.to_thread(opened.__exit__, None, None, None)


async def no_new_ones(url: str) -> None:
    """Return when the edge lets nobody in any more."""
    async with asyncio.timeout(PATIENCE):
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port(url))
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status = (await reader.read()).split(b" ")[1]
            writer.close()
            if status == b"530":
                return


def test_answers_under_way_end_whole_after_the_tunnel_and_before_the_gateway(
    upstream: FakeUpstream, dsn: str, tmp_path: Path
):
    async def play() -> dict[object, Row]:
        async with scene(upstream, dsn, tmp_path, TUNNEL_GRACE_SECONDS=180) as it:
            it.send(signal.SIGTERM)
            await no_new_ones(it.it.edge)
            status, health = await asyncio.to_thread(ask, f"{it.it.gateway.url}/health")
            assert (status, health["queue"]["running"]) == (200, 2)  # the gateway still serves
            running = status_file.current(it.it.folder)
            assert running is not None
            assert is_alive(running.cloudflared_pid)  # for those who came before
            it.gate.open()
            assert all(seen.complete for seen in await it.answers())
            assert await it.exit_code() == 0
            assert not is_alive(running.cloudflared_pid)
            return dict(await it.books.balanced())

    rows = asyncio.run(play())
    assert [row.counts for row in rows.values()] == [(PROMPT_TOKENS, WORDS)] * 2
    assert {(row.usage_source, row.status) for row in rows.values()} == {("reported", "ok")}


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_them_and_what_was_seen_is_counted(
    upstream: FakeUpstream, dsn: str, tmp_path: Path, second: signal.Signals
):
    async def play() -> list[Row]:
        async with scene(upstream, dsn, tmp_path, TUNNEL_GRACE_SECONDS=180) as it:
            it.send(signal.SIGTERM)
            await it.said("Stopping the tunnel")
            it.send(second)
            assert await it.exit_code() == 0
            assert all(seen.failed for seen in await it.answers())
            return list((await it.books.balanced()).values())

    cut_once(asyncio.run(play()))


def test_an_answer_that_outlasts_the_grace_is_cut_and_counted(
    upstream: FakeUpstream, dsn: str, tmp_path: Path
):
    async def play() -> list[Row]:
        async with scene(upstream, dsn, tmp_path, TUNNEL_GRACE_SECONDS=1) as it:
            it.send(signal.SIGTERM)
            assert await it.exit_code() == 0
            assert all(seen.failed for seen in await it.answers())
            return list((await it.books.balanced()).values())

    cut_once(asyncio.run(play()))


def cut_once(rows: list[Row]) -> None:
    assert len(rows) == 2  # each of them once: Books fails for one that stands there twice
    assert {row.usage_source for row in rows} == {"estimated"}
    assert {row.status for row in rows} <= {"client_gone", "gateway_stopped"}
    unseen, seen = sorted(row.counts for row in rows)
    assert unseen[0] > 0 == unseen[1]  # of the one in one piece nothing had come but its prompt
    assert min(seen) > 0


def test_a_gateway_that_is_killed_takes_its_tunnel_with_it_and_counts_at_its_next_start(
    upstream: FakeUpstream, dsn: str, tmp_path: Path
):
    async def play() -> list[Row]:
        async with scene(upstream, dsn, tmp_path) as it:
            running = status_file.current(it.it.folder)
            assert running is not None
            await it.it.gateway.kill()
            async with asyncio.timeout(PATIENCE):
                while is_alive(running.cloudflared_pid):
                    await asyncio.sleep(0.01)  # a look at what another process does, no timing
            assert all(seen.failed for seen in await it.answers())
            await it.it.gateway.start()
            rows = await it.books.settled(2)
            assert await it.it.gateway.stop() == 0
            return list(rows.values())

    rows = asyncio.run(play())
    assert {row.status for row in rows} == {"gateway_died"}
    assert {row.usage_source for row in rows} == {"estimated"}
    assert len(rows) == 2


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_a_client_that_leaves_at_the_edge_frees_the_model(
    upstream: FakeUpstream, dsn: str, tmp_path: Path, reset: bool
):
    def gone(count: int) -> Callable[[], bool]:
        return lambda: sum(one.gone for one in upstream.chats) >= count

    async def play() -> list[Row]:
        async with scene(upstream, dsn, tmp_path) as it:
            for count, client in enumerate((it.stream, it.whole), 1):
                since = time.monotonic()
                await client.leave(reset=reset)
                await asyncio.to_thread(upstream.wait_until, gone(count))
                assert time.monotonic() - since < AT_ONCE
            rows = await it.books.settled(2)
            assert await asyncio.to_thread(it.it.running.stop, signal.SIGTERM) == 0
            return list(rows.values())

    rows = asyncio.run(play())
    assert [row.status for row in rows] == ["client_gone"] * 2
