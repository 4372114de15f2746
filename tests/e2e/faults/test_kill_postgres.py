"""A database that dies under load: known keys go on, and all is counted once when it is back."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from gateway.core.keys import make_key
from gateway.embedded import EmbeddedPostgres
from tests.support.books import Books
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import PROMPT_TOKENS, WORDS, Exchange, FakeUpstream, answer
from tests.support.gateway_process import PATIENCE
from tests.support.gateway_process import ask as ask_json
from tests.support.postgres import Server, execute, own_postgres
from tests.support.supabase_project import nothing_waits
from tests.support.watching_client import NOTHING, Client, Seen, ask

__all__ = ["own_postgres"]

CALLERS = 8
CRASHES = 4
SEED = 20261
REPORTED = (PROMPT_TOKENS, len(WORDS))


class Load:
    """Callers that never stop, and what they saw."""

    def __init__(self, gateway: GatewayProcess, key: str) -> None:
        self.answers: list[Seen] = []
        self._gateway = gateway
        self._key = key
        self._done = False
        self._more = asyncio.Condition()

    async def complete(self, more: int) -> None:
        """Return when so many more answers have come whole."""
        goal = self._complete() + more
        async with asyncio.timeout(PATIENCE), self._more:
            await self._more.wait_for(lambda: self._complete() >= goal)

    def _complete(self) -> int:
        return sum(seen.complete for seen in self.answers)

    async def run(self, crash: Callable[[], Awaitable[None]]) -> None:
        """Several crashes, at moments that are chosen by dice, with full service between them."""
        dice = random.Random(SEED)
        callers = [asyncio.create_task(self._call(number)) for number in range(CALLERS)]
        for _ in range(CRASHES):
            await self.complete(dice.randrange(10, 60))
            await crash()
        await self.complete(20)
        self._done = True
        await asyncio.gather(*callers)

    async def _call(self, number: int) -> None:
        while not self._done:
            stream = (number + len(self.answers)) % 2 == 0
            seen = await ask(self._gateway.url, self._key, "Hi", stream=stream)
            async with self._more:
                self.answers.append(seen)
                self._more.notify_all()

    async def check(self, books: Books) -> None:
        """All are served, and in the books as often as clients have it."""
        complete = {seen.request_id for seen in self.answers if seen.complete}
        rows = await books.settled(len(complete))
        for seen in self.answers:
            assert seen is not NOTHING
            assert seen.whole
            assert (seen.status, seen.complete) == (200, True), seen
        assert complete == set(rows)
        assert {row.counts for row in rows.values()} == {REPORTED}


def assert_away(seen: Seen) -> None:
    assert seen.status == 503
    assert b"server_is_overloaded" in seen.body
    assert int(seen.headers["retry-after"]) > 0


async def _kill_a_backend(server: psutil.Process) -> bool:
    """False: the gateway has not looked for the database again yet, or each ends just now."""
    for backend in server.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if _is_idle(backend):
                backend.kill()
                return True
    return False


def _is_idle(backend: psutil.Process) -> bool:
    try:
        return "idle" in backend.cmdline()[0]
    except (psutil.NoSuchProcess, IndexError):
        return False


@pytest.mark.parametrize("how", ["a backend dies", "it is stopped hard", "all of it dies"])
def test_it_crashes_under_load(
    postgres: Server, home: Path, dsn: str, upstream: FakeUpstream, how: str
) -> None:
    async def crash() -> None:
        assert postgres.process is not None
        if how == "a backend dies":
            await eventually(partial(_kill_a_backend, psutil.Process(postgres.process.pid)))
            return
        number = signal.SIGQUIT if how == "it is stopped hard" else signal.SIGKILL
        await asyncio.to_thread(postgres.stop, number)
        await asyncio.to_thread(postgres.start)

    async def play() -> None:
        upstream.behave = answer
        books = Books(dsn)
        key = await books.make_key()
        async with GatewayProcess(home, upstream.url, dsn) as gateway:
            load = Load(gateway, key)
            await load.run(crash)
            await load.check(books)
            assert await gateway.stop() == 0

    asyncio.run(play())


async def _postmaster_file(data_dir: Path) -> list[str]:
    """Its words; none while there is no file, which another process makes and removes."""
    with contextlib.suppress(FileNotFoundError):
        return (data_dir / "postgres" / "postmaster.pid").read_text().split()
    return []


def test_the_embedded_one_is_started_again_by_the_gateway(
    home: Path, upstream: FakeUpstream
) -> None:
    async def play() -> None:
        gateway = GatewayProcess(home, upstream.url)
        embedded = EmbeddedPostgres(gateway.data_dir)
        async with gateway:
            books = Books(await asyncio.to_thread(embedded.start, print))
            try:
                key = await books.make_key()
                load = Load(gateway, key)

                async def crash() -> None:
                    """Known keys go on meanwhile, so it may not have come back from the last."""
                    number, *_ = await eventually(partial(_postmaster_file, gateway.data_dir))
                    with contextlib.suppress(psutil.NoSuchProcess):
                        psutil.Process(int(number)).kill()

                await load.run(crash)
                await eventually(lambda: nothing_waits(gateway))
                await load.check(books)
                assert await gateway.stop() == 0
            finally:
                await asyncio.to_thread(embedded.stop)

    asyncio.run(play())


def test_an_answer_whose_hold_was_lost_in_the_crash_is_counted_all_the_same(
    postgres: Server, home: Path, dsn: str, upstream: FakeUpstream
) -> None:
    """Authorising does not wait for the disk; and while the database is away nobody gets a 401."""
    gate = upstream.gate()

    async def at_the_gate(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words()
        if exchange.text == "waits":
            await gate.passed()
        await exchange.usage()

    async def play() -> None:
        upstream.behave = at_the_gate
        books = Books(dsn)
        key = await books.make_key()
        async with GatewayProcess(home, upstream.url, dsn) as gateway:
            assert (await ask(gateway.url, key, "at once")).complete
            await books.settled(1)
            clients = [await Client.ask(gateway.url, key, "waits") for _ in range(3)]
            for client in clients:
                await client.until(WORDS[-1].encode())
            await asyncio.to_thread(postgres.kill)

            offline = await ask(gateway.url, key, "at once")
            assert offline.complete
            assert_away(await ask(gateway.url, make_key("llm"), "at once"))
            for known_or_not in (key, make_key("llm")):
                status, body = await asyncio.to_thread(
                    ask_json, f"{gateway.url}/v1/usage", known_or_not
                )
                assert (status, body["error"]["code"]) == (503, "server_is_overloaded")
            assert (await ask(gateway.url, key + "x", "at once")).status == 401
            gate.open()
            answers = [await client.answer() for client in clients]
            assert all(seen.complete for seen in answers)
            await gateway.kill()  # with all of it in its outbox only

            await asyncio.to_thread(postgres.start)
            assert await books.holds() == 0, "no hold was lost: this shows nothing"
            await gateway.start()
            rows = await books.settled(5)
            assert {seen.request_id for seen in (*answers, offline)} < set(rows)
            assert {(row.counts, row.status) for row in rows.values()} == {(REPORTED, "ok")}
            assert (await ask(gateway.url, key, "at once")).complete
            await books.settled(6)
            assert await gateway.stop() == 0
            assert len(await books.balanced()) == 6

    asyncio.run(play_slowly(play, postgres))


async def play_slowly(play: Callable[[], Awaitable[None]], postgres: Server) -> None:
    """With a server that writes its log late, so that a crash loses what it may lose."""
    admin = postgres.dsn("postgres")
    try:
        await execute(admin, "alter system set wal_writer_delay = '10s'")
        await execute(admin, "select pg_reload_conf()")
        await play()
    finally:
        if postgres.process is None:
            await asyncio.to_thread(postgres.start)
        await execute(admin, "alter system reset wal_writer_delay")
        await execute(admin, "select pg_reload_conf()")
