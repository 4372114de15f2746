"""A headless Chromium that tells what a page did."""

import json
import re
import shutil
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pytest

from tests.support.chromium.devtools import DevTools
from tests.support.chromium.process import Process
from tests.support.chromium.program import unpacked

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str:
    """The path of this machine's browser, or of one that is got for the tests."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None) or unpacked()


@pytest.fixture(scope="module", name="anyio_backend")
def one_loop() -> str:
    """For files whose tests share what runs in a loop, which import this."""
    return "asyncio"


@pytest.fixture(scope="module")
async def chromium(chromium_process: Process) -> AsyncIterator["Browser"]:
    """The browser for the tests of a file, which imports `one_loop` too."""
    async with Browser(chromium_process) as made:
        yield made


class Visit(NamedTuple):
    """What a page asked for, complained about, and looked like."""

    requested: list[str]
    complaints: list[str]
    background: tuple[int, ...]  # red, green, blue of the body
    overflow: int  # pixels that it is wider than the window
    text: str


class Browser:
    def __init__(self, process: Process) -> None:
        self._tools = DevTools(process, find())
        self._profiles: dict[str, str] = {}  # of each window that is open, by its session

    async def __aenter__(self) -> Self:
        await self._tools.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tools.close()

    async def visit(self, url: str, width: int, scheme: str) -> Visit:
        """Open a page in a window of its own. `scheme`: light or dark."""
        session = await self._window()
        await self.look(session, width, scheme)
        await self.go(session, url)
        color = await self.run(session, "getComputedStyle(document.body).backgroundColor")
        seen = Visit(
            requested=self.requested(),
            complaints=self.complaints(),
            background=tuple(int(part) for part in re.findall(r"\d+", color)),
            overflow=await self.run(session, "document.documentElement.scrollWidth") - width,
            text=await self.run(session, "document.body.innerText"),
        )
        await self.close(session)
        return seen

    async def open(
        self, url: str, width: int = 1280, scheme: str = "light", before: str = ""
    ) -> str:
        """A page in a window of its own that stays open: what `run` needs. `before`: a script that
        runs before those of the page."""
        session = await self._window()
        await self.look(session, width, scheme)
        if before:
            await self.tell(session, "Page.addScriptToEvaluateOnNewDocument", source=before)
        await self.go(session, url)
        return session

    async def go(self, session: str, url: str) -> None:
        """Go there, and wait until that page is loaded: about:blank reports its own end too."""
        gone = await self._tools.call("Page.navigate", session, url=url)
        assert "errorText" not in gone, gone
        wanted = {"loaderId": gone["loaderId"], "name": "load"}
        await self._tools.event(
            lambda event: (
                event.get("method") == "Page.lifecycleEvent"
                and wanted.items() <= event["params"].items()
            )
        )

    async def tell(self, session: str, command: str, **params: Any) -> Any:
        """A command of the DevTools protocol, to a page."""
        return await self._tools.call(command, session, **params)

    async def save_to(self, session: str, folder: Path) -> None:
        """Where the files go that pages of this window give to be saved."""
        where = {"downloadPath": str(folder), "browserContextId": self._profiles[session]}
        allowed = {"behavior": "allow", "eventsEnabled": True}
        await self._tools.call("Browser.setDownloadBehavior", **allowed, **where)

    async def saved(self) -> None:
        """Returns when a file is saved."""
        await self._tools.event(
            lambda event: (
                event.get("method") == "Browser.downloadProgress"
                and event["params"]["state"] == "completed"
            )
        )

    async def close(self, session: str) -> None:
        """A window, with all that its pages have left in the browser."""
        profile = self._profiles.pop(session)
        await self._tools.call("Target.disposeBrowserContext", browserContextId=profile)

    async def run(self, session: str, expression: str) -> Any:
        """The value of a JavaScript expression in a page; of a promise, what it comes to."""
        done = await self._tools.call(
            "Runtime.evaluate",
            session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def picture(self, session: str, path: Path) -> None:
        """A PNG of what the window shows."""
        shot = await self._tools.call("Page.captureScreenshot", session)
        path.write_bytes(b64decode(shot["data"]))

    def requested(self) -> list[str]:
        """The URLs that were asked for since the last window was made."""
        sent = self._of("Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]

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

    async def _window(self) -> str:
        """The session of a new one, with a profile of its own; what earlier ones did is
        forgotten."""
        await self._tools.connect()
        self._tools.events.clear()
        made = await self._tools.call("Target.createBrowserContext", disposeOnDetach=True)
        profile = {"browserContextId": made["browserContextId"]}
        made = await self._tools.call("Target.createTarget", url="about:blank", **profile)
        attached = await self._tools.call(
            "Target.attachToTarget", targetId=made["targetId"], flatten=True
        )
        session = attached["sessionId"]
        self._profiles[session] = profile["browserContextId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Audits"):
            await self.tell(session, f"{domain}.enable")
        await self.tell(session, "Page.setLifecycleEventsEnabled", enabled=True)
        return session

    async def look(self, session: str, width: int, scheme: str) -> None:
        """How wide the window is, and what its user likes."""
        liked = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.tell(session, "Emulation.setEmulatedMedia", features=liked)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.tell(session, "Emulation.setDeviceMetricsOverride", **size)

    def _of(self, *methods: str) -> list[dict[str, Any]]:
        return [event for event in self._tools.events if event.get("method") in methods]
