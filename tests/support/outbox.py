"""An outbox under test: its store, requests that it settles, other processes that have one."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

from gateway.proxy.outbox import Outbox
from gateway.stores import Settlement
from tests.support.paths import ROOT

PATIENCE = 60  # seconds after which something did not happen


class Taker:
    """A store that takes settlements, or fails as often as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[UUID, int, str]]] = []
        self.failures: list[BaseException] = []
        self.tried = 0
        self.during: Callable[[], None] = lambda: None

    async def __call__(self, batch: Sequence[Settlement]) -> None:
        self.tried += 1
        self.during()
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append([(one.request_id, one.completion_tokens, one.status) for one in batch])

    @property
    def taken(self) -> list[tuple[UUID, int, str]]:
        return [one for batch in self.batches for one in batch]

    def ids(self) -> list[UUID]:
        return [request_id for request_id, *_ in self.taken]


def served(outbox: Outbox, tokens: int = 1) -> UUID:
    """One request from its slot to its settlement."""
    slot = outbox.reserve(Settlement(uuid4(), status="gateway_died"))
    slot.settlement.completion_tokens = tokens
    slot.settlement.status = "ok"
    slot.commit()
    return slot.settlement.request_id


async def drain(outbox: Outbox) -> None:
    sender = asyncio.create_task(outbox.run())
    try:
        assert await outbox.drained(PATIENCE)
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def left(folder: Path) -> list[tuple[UUID, int, str]]:
    """What the next process that starts would send."""
    taker = Taker()
    with contextlib.closing(Outbox(folder, taker)) as outbox:
        await drain(outbox)
    return taker.taken


class Writer:
    """The process of outbox_writer.py."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("outbox_writer.py")), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.waiting = self.heard()["waiting"]

    def heard(self) -> dict:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def told(self, *lines: str) -> None:
        assert self.process.stdin
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def asked(self, line: str) -> dict:
        self.told(line)
        return self.heard()

    def kill(self) -> list[dict]:
        """What it had said until it died and was not heard yet."""
        assert self.process.stdout
        self.process.kill()
        said = [json.loads(line) for line in self.process.stdout if line.endswith("\n")]
        self.end()
        return said

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.process.wait(PATIENCE)


@contextlib.contextmanager
def writer(folder: Path) -> Iterator[Writer]:
    one = Writer(folder)
    try:
        yield one
    finally:
        one.process.kill()
        one.end()
