"""An owner who reads `GET /admin/events`, event by event."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.callers import ADMIN_SECRET
from tests.support.gateway_process import PATIENCE

SECRET = {"X-Admin-Secret": ADMIN_SECRET}


class Watching:
    """One open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        """Name and data of the next event. Raises StopAsyncIteration at a clean end."""
        name = ""
        async with asyncio.timeout(PATIENCE):
            while True:
                line = await anext(self._lines)
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))

    async def until(self, name: str, true: Callable[[Any], Any] = lambda told: True) -> Any:
        """The data of the first event of that name that fits."""
        while True:
            found, told = await self.next()
            if found == name and true(told):
                return told


@asynccontextmanager
async def watching(url: str) -> AsyncGenerator[Watching]:
    limits = httpx.Timeout(PATIENCE)
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=limits) as client,
        client.stream("GET", "/admin/events", headers=SECRET) as response,
    ):
        yield Watching(response)
