"""A headless Chromium that tells what a page did: its DevTools protocol, and no more of it."""

import asyncio
import itertools
import json
import os
import re
import shutil
import tempfile
from asyncio.subprocess import PIPE, Process
from base64 import b64decode
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp

from tests.support.chromium.program import unpacked

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"),
)


def find() -> str:
    """The path of this machine's browser, or of one that is got for the tests."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None) or unpacked()


class Visit(NamedTuple):
    """What a page asked for, complained about, and looked like."""

    requested: list[str]
    complaints: list[str]
    background: tuple[int, ...]  # red, green, blue of the body
    overflow: int  # pixels that it is wider than the window
    text: str


class Browser:
    def __init__(self, path: str) -> None:
        self._path = path
        self._profile = Path(tempfile.mkdtemp(prefix="localllm-browser-"))
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._loaded = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process: Process = await asyncio.create_subprocess_exec(
            *(self._path, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"),
            stderr=PIPE,
            env={"PATH": os.environ["PATH"], "HOME": str(self._profile)},
        )
        assert self._process.stderr is not None
        async with asyncio.timeout(60):
            async for line in self._process.stderr:
                if found := re.search(rb"DevTools listening on (ws://\S+)", line):
                    break
            else:
                raise RuntimeError("the browser did not start")
        self._client = aiohttp.ClientSession()
        self._socket = await self._client.ws_connect(found[1].decode(), max_msg_size=0)
        self._drain = asyncio.create_task(self._process.stderr.read())
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._call("Browser.close")
        await self._process.wait()
        await asyncio.gather(self._reader, self._drain)
        await self._client.close()
        shutil.rmtree(self._profile)

    async def visit(self, url: str, width: int, scheme: str, picture: Path | None = None) -> Visit:
        """Open a page in a window of its own. `scheme`: light or dark."""
        target, session = await self._window()
        await self._call(
            "Emulation.setEmulatedMedia",
            session,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        await self._call("Emulation.setDeviceMetricsOverride", session, **size)
        await self._load(session, url)
        color = await self.run(session, "getComputedStyle(document.body).backgroundColor")
        seen = Visit(
            requested=[
                event["params"]["request"]["url"] for event in self._of("Network.requestWillBeSent")
            ],
            complaints=self.complaints(),
            background=tuple(int(part) for part in re.findall(r"\d+", color)),
            overflow=await self.run(session, "document.documentElement.scrollWidth") - width,
            text=await self.run(session, "document.body.innerText"),
        )
        if picture:
            shot = await self._call("Page.captureScreenshot", session)
            picture.write_bytes(b64decode(shot["data"]))
        await self._call("Target.closeTarget", targetId=target)
        return seen

    async def open(self, url: str) -> str:
        """A page in a window of its own that stays open: what `run` needs."""
        _, session = await self._window()
        await self._load(session, url)
        return session

    async def run(self, session: str, expression: str) -> Any:
        """The value of a JavaScript expression in a page; of a promise, what it comes to."""
        done = await self._call(
            "Runtime.evaluate",
            session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def complaints(self) -> list[str]:
        """Console messages, log entries (CSP violations among them) and issues since the last
        window was made."""
        events = self._of(
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
            "Audits.issueAdded",
            "Network.loadingFailed",
        )
        return [json.dumps(event["params"]) for event in events]

    async def _window(self) -> tuple[str, str]:
        """A new one and its session; what earlier ones did is forgotten."""
        self._events.clear()
        self._loaded.clear()
        target = (await self._call("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self._call("Target.attachToTarget", targetId=target, flatten=True)
        session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Audits"):
            await self._call(f"{domain}.enable", session)
        return target, session

    async def _load(self, session: str, url: str) -> None:
        await self._call("Page.navigate", session, url=url)
        async with asyncio.timeout(60):
            await self._loaded.wait()

    def _of(self, *methods: str) -> list[dict[str, Any]]:
        return [event for event in self._events if event.get("method") in methods]

    async def _call(self, method: str, session: str | None = None, **params: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        async with asyncio.timeout(60):
            return await self._waiting[number]

    async def _read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame.data)
            waiting = self._waiting.pop(message.get("id"), None)
            if waiting is None:
                self._events.append(message)
                if message.get("method") == "Page.loadEventFired":
                    self._loaded.set()
            elif "error" in message:
                waiting.set_exception(RuntimeError(message["error"]["message"]))
            else:
                waiting.set_result(message["result"])
