"""A full disk under the outbox: no new request, none that runs is lost, and no restart after."""

import asyncio
import json
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.books import Books
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.watching_client import Client, Seen, ask

SMALL = 64 * 1024  # bytes: a few dozen requests


class FileLimit:
    """No file of the gateway may grow: what anybody may try."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway

    def fill(self) -> None:
        size = (self._gateway.data_dir / "outbox" / "000.slots").stat().st_size
        self._limit(size + 500)  # room for half of what comes next

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        assert self._gateway.running is not None
        process = psutil.Process(self._gateway.running.process.pid)
        process.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


class SmallDisk(FileLimit):
    """A real disk of a few kilobytes, which another program fills: for those who may mount."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.folder = gateway.data_dir / "outbox"
        self.folder.mkdir(parents=True)
        self._filler = self.folder / "of another program"
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(self.folder)]
        self.mounted = subprocess.run(command, capture_output=True).returncode == 0

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(1024))

    def make_room(self) -> None:
        self._filler.unlink()


async def says(gateway: GatewayProcess, state: str) -> bool:
    """Whether /health does, of the disk and of all."""
    found = await gateway.health()
    return found["outbox"]["state"] == found["status"] == state


@contextmanager
def some_disk(gateway: GatewayProcess, kind: str) -> Iterator[FileLimit]:
    disk = FileLimit(gateway)
    if kind == "disk":
        small = SmallDisk(gateway)
        disk = small if small.mounted else disk  # then the limit is all that can be tried
    try:
        yield disk
    finally:
        if isinstance(disk, SmallDisk):
            subprocess.run(["umount", "--lazy", str(disk.folder)], check=True)


@pytest.mark.parametrize("kind", ["disk", "limit"])
def test_new_requests_are_refused_until_there_is_room_and_running_ones_are_counted(
    home: Path, dsn: str, upstream: FakeUpstream, kind: str
) -> None:
    gate = upstream.gate()

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(("some ", "words "))
        if exchange.text == "waits":
            await gate.passed()
        await exchange.usage(12, 2)

    async def play() -> None:
        upstream.behave = behave
        books = Books(dsn)
        key = await books.make_key()
        gateway = GatewayProcess(home, upstream.url, dsn, UPSTREAM_CONCURRENCY=100)
        with some_disk(gateway, kind) as disk:
            async with gateway:
                first = await Client.ask(gateway.url, key, "waits")
                await first.until(b"words")
                disk.fill()
                running = [first, *await until_refused(gateway.url, key)]
                assert_refused(await ask(gateway.url, key, "at once"))
                assert await books.holds() == len(running)
                await eventually(lambda: says(gateway, "unavailable"))

                disk.make_room()
                await eventually(lambda: says(gateway, "ok"))
                assert (await ask(gateway.url, key, "at once")).complete
                disk.fill()

                # Nothing more can be written down; what runs has its place.
                gate.open()
                answers = await asyncio.gather(*(client.answer() for client in running))
                assert all(seen.complete for seen in answers)
                rows = await books.settled(1 + len(running))
                assert len(rows) == 1 + len(running)
                assert all(row.counts == (12, 2) for row in rows.values())
                assert {row.usage_source for row in rows.values()} == {"reported"}

                async def served() -> bool:
                    return (await ask(gateway.url, key, "at once")).complete

                await eventually(served)  # in a place that has become free
                assert await gateway.stop() == 0

    asyncio.run(play())


@pytest.mark.parametrize("kind", ["disk", "limit"])
def test_killed_on_a_full_disk_what_ran_is_counted_after_the_restart(
    home: Path, dsn: str, upstream: FakeUpstream, kind: str
) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(("some ", "words "))
        await asyncio.Event().wait()

    async def play() -> None:
        upstream.behave = behave
        books = Books(dsn)
        key = await books.make_key()
        gateway = GatewayProcess(home, upstream.url, dsn, UPSTREAM_CONCURRENCY=100)
        with some_disk(gateway, kind) as disk:
            async with gateway:
                first = await Client.ask(gateway.url, key, "first")
                await first.until(b"words")
                disk.fill()
                running = [first, *await until_refused(gateway.url, key)]
                await gateway.kill()
                await asyncio.gather(*(client.answer() for client in running))
                await gateway.start()
                rows = await books.settled(len(running))
                assert {row.status for row in rows.values()} == {"gateway_died"}
                assert all(row.completion_tokens > 0 for row in rows.values())
                assert len(rows) == len(running)

    asyncio.run(play())


async def until_refused(url: str, key: str) -> list[Client]:
    """As many running streams as the disk has room for."""
    running: list[Client] = []
    while True:
        client = await Client.ask(url, key, "waits")
        if await client.status() == 503:
            assert_refused(await client.answer())
            return running
        await client.until(b"words")
        running.append(client)
        assert len(running) < SMALL // 1024


def assert_refused(seen: Seen) -> None:
    assert (seen.status, seen.whole) == (503, True)
    assert int(seen.headers["retry-after"]) > 0
    error = json.loads(seen.body)["error"]
    assert error["code"] == "server_is_overloaded"
    assert "disk is full" in error["message"]
