"""A machine that pulls as a test says it, and the pulls that run on it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

from gateway.backends.backend import Backend
from gateway.core.errors import Refusal
from gateway.pulls.pulls import Pull, Pulls

SILENCE = 120.0


class Ollama:
    """A machine: what was asked of it, and its answer as the test says it."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.demo = False
        self.asked: list[tuple[str, Any]] = []
        self.looks = 0  # at what is installed
        self.closed = 0
        self.client = self.models = self
        self._said: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()

    async def post(self, path: str, body: bytes, *, whole: bool = False) -> "Ollama":
        self.asked.append((path, json.loads(body)))
        self.may_be_silent = whole
        return self

    async def chunks(self) -> AsyncIterator[bytes]:
        while (said := await self._said.get()) is not None:
            if isinstance(said, BaseException):
                raise said
            yield said

    async def body(self) -> bytes:
        return b'{"error":"invalid model name"}'

    def close(self) -> None:
        self.closed += 1

    def refresh(self) -> asyncio.Task[None]:
        async def look() -> None:
            self.looks += 1

        return asyncio.create_task(look())

    def says(self, *lines: dict[str, Any]) -> None:
        for line in lines:
            self._said.put_nowait(json.dumps(line).encode() + b"\n")

    def ends(self, problem: BaseException | None = None) -> None:
        self._said.put_nowait(problem)


class OnOne:
    """Pulls, all on the same machine."""

    def __init__(self, ollama: Ollama) -> None:
        self._machine = cast(Backend, ollama)
        self._pulls = Pulls(SILENCE)
        self.close = self._pulls.close

    def join(self, name: str, sent: str, who: str) -> Pull | Refusal:
        return self._pulls.join(self._machine, name, sent, who)
