"""The DevTools protocol, by which a Chromium is steered."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp

from tests.support.chromium.process import PATIENCE, Process

_TRIES = 3

Event = dict[str, Any]
T = TypeVar("T")


class DevTools:
    """A connection to a browser. `events`: what it reported, oldest first."""

    def __init__(self, process: Process, program: str) -> None:
        self._process, self._program = process, program
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Condition()
        self._client: aiohttp.ClientSession | None = None
        self._reader: asyncio.Task[None] | None = None
        self.events: list[Event] = []

    async def connect(self) -> None:
        """Does nothing while there is a connection. What is tested is no browser: one that has
        ended is started again, and one that ends early gets another try."""
        for left in reversed(range(_TRIES)):
            if self._reader is not None and not self._reader.done():
                return
            try:
                await self._connect()
            except (TimeoutError, RuntimeError, aiohttp.ClientError):
                await asyncio.to_thread(self._process.end)
                if not left:
                    raise

    async def close(self) -> None:
        """The browser goes on."""
        if self._reader is not None:
            await self._socket.close()
            await self._reader
            self._reader = None
        if self._client is not None:
            await self._client.close()

    async def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """The result of a command. RuntimeError: it failed, or the browser ended meanwhile."""
        number = next(self._numbers)
        message: Event = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json(message)
        except aiohttp.ClientError as error:
            raise RuntimeError(self._ended()) from error
        return await self._in_time(answer)

    async def event(self, wanted: Callable[[Event], bool]) -> Event:
        """The first such event, which may have come already."""
        return await self._in_time(self._first(wanted))

    async def _connect(self) -> None:
        await self.close()
        address = await asyncio.to_thread(self._process.address, self._program)
        self._client = aiohttp.ClientSession()
        async with asyncio.timeout(PATIENCE):
            self._socket = await self._client.ws_connect(address, max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        await self.call("Browser.getVersion")

    async def _in_time(self, awaited: Awaitable[T]) -> T:
        """A browser that hangs is ended, so that no other test waits for it."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await awaited
        except TimeoutError as error:
            await asyncio.to_thread(self._process.end)
            said = self._process.said()
            raise RuntimeError(f"nothing came in {PATIENCE:.0f} s; it said: {said}") from error

    async def _first(self, wanted: Callable[[Event], bool]) -> Event:
        async with self._changed:
            while True:
                if found := next(filter(wanted, self.events), None):
                    return found
                if self._reader is None or self._reader.done():
                    raise RuntimeError(self._ended())
                await self._changed.wait()

    async def _read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame.data)
            answer = self._answers.pop(message.get("id"), None)
            if answer is None:
                self.events.append(message)
            elif answer.done():  # nobody waits for it any more
                continue
            elif "error" in message:
                answer.set_exception(RuntimeError(message["error"]["message"]))
            else:
                answer.set_result(message["result"])
            async with self._changed:
                self._changed.notify_all()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(RuntimeError(self._ended()))
        self._answers.clear()
        async with self._changed:
            self._changed.notify_all()

    def _ended(self) -> str:
        return f"the browser ended; it said: {self._process.said()}"
