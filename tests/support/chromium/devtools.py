"""A Chromium process and the DevTools protocol that steers it."""

import asyncio
import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE = 180.0  # seconds: on a busy machine a browser takes long to do what it is told
_TRIES = 3
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"),
)

Event = dict[str, Any]


class DevTools:
    """One browser with a fresh profile. `events`: what it reported, oldest first."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Condition()
        self.events: list[Event] = []

    async def start(self) -> None:
        """Start it. What is tested is no browser: one that ends early gets another try."""
        for left in reversed(range(_TRIES)):
            try:
                await self._start()
                return
            except (TimeoutError, RuntimeError, aiohttp.ClientError):
                await self._clean_up()
                if not left:
                    raise

    async def stop(self) -> None:
        try:
            await self.call("Browser.close")
            await self._process.wait()
        finally:
            await self._clean_up()

    async def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """The result of a command. RuntimeError: it failed, or the browser ended meanwhile."""
        number = next(self._numbers)
        message: Event = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        async with asyncio.timeout(PATIENCE):
            return await self._answers[number]

    async def event(self, wanted: Callable[[Event], bool]) -> Event:
        """The first such event, which may have come already."""
        async with asyncio.timeout(PATIENCE), self._changed:
            while True:
                if found := next(filter(wanted, self.events), None):
                    return found
                if self._reader.done():
                    raise RuntimeError(self._ended())
                await self._changed.wait()

    async def _start(self) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="localllm-browser-"))
        self._said = b""
        self._process = await asyncio.create_subprocess_exec(
            *(self._path, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"),
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": str(self._profile)},
        )
        self._client = aiohttp.ClientSession()
        self._drain = self._reader = None
        async with asyncio.timeout(PATIENCE):
            address = await self._address()
            self._drain = asyncio.create_task(self._listen())
            self._socket = await self._client.ws_connect(address, max_msg_size=0)
            self._reader = asyncio.create_task(self._read())
            await self.call("Browser.getVersion")

    async def _clean_up(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._client.close()
        await asyncio.gather(*filter(None, (self._reader, self._drain)))
        shutil.rmtree(self._profile)

    async def _address(self) -> str:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._said += line
            if found := re.search(rb"DevTools listening on (ws://\S+)", line):
                return found[1].decode()
        raise RuntimeError(self._ended())

    async def _listen(self) -> None:
        """A full pipe would stop it."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._said += line

    async def _read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame.data)
            answer = self._answers.pop(message.get("id"), None)
            if answer is None:
                self.events.append(message)
            elif "error" in message:
                answer.set_exception(RuntimeError(message["error"]["message"]))
            else:
                answer.set_result(message["result"])
            async with self._changed:
                self._changed.notify_all()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(RuntimeError(self._ended()))
        async with self._changed:
            self._changed.notify_all()

    def _ended(self) -> str:
        return f"the browser ended; it said: {self._said.decode(errors='replace')[-2000:]}"
