"""A page in a real browser, and a person before it who looks, types and presses keys."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.browser import Browser

# A hint for authors of pages, about forms and history; a broken policy is another.
_HINT = '"code": "GenericIssue"'
# Resolves when the expression is true; looks whenever the page changes, and each frame.
_WAIT = """new Promise((resolve, reject) => {
  const end = performance.now() + 120000;
  const shown = () => document.body.innerText.slice(-800);
  const look = () => {
    let found = false;
    try { found = %s; } catch {}
    if (found) resolve(found);
    else if (performance.now() > end) reject(new Error("not in time: " + shown()));
    else requestAnimationFrame(look);
  };
  look();
})"""
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40}
_TEXTS = {"Enter": "\r", " ": " "}
SIZES = (360, 1280, 3840)


class Page:
    def __init__(self, chromium: Browser, session: str) -> None:
        self._chromium, self.session = chromium, session

    async def run(self, expression: str) -> Any:
        return await self._chromium.run(self.session, expression)

    async def go(self, url: str) -> None:
        """To another page, or to the same one again."""
        await self._chromium.go(self.session, url)

    async def until(self, expression: str) -> Any:
        """The value of the expression, as soon as it is true."""
        return await self.run(_WAIT % expression)

    async def says(self, text: str) -> None:
        """Returns as soon as it stands somewhere on the page."""
        await self.until(f"document.body.innerText.includes({json.dumps(text)})")

    async def click(self, selector: str, text: str = "") -> None:
        """The first of these with that text, in the look that finds it: a page that draws itself
        anew may not have it in the next."""
        found = (
            f"Array.from(document.querySelectorAll({json.dumps(selector)}))"
            f".find((one) => one.innerText.includes({json.dumps(text)}) && !one.disabled)"
        )
        await self.until(f"({found}.click(), true)")

    async def fill(self, label: str, text: str) -> None:
        """Type into the field of that label, in place of what is there."""
        await self.until(f"((field) => (field.focus(), field.select(), true))({_labelled(label)})")
        await self.type(text)

    async def choose(self, label: str, value: str) -> None:
        """In a list of choices."""
        wanted = json.dumps(value)
        await self.until(
            f"((field) => Array.from(field.options).some((one) => one.value === {wanted})"
            f" && (field.value = {wanted},"
            f" field.dispatchEvent(new Event('change', {{ bubbles: true }}))))({_labelled(label)})"
        )

    async def type(self, text: str) -> None:
        await self._chromium.tell(self.session, "Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """One key, as a keyboard sends it."""
        told: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": _KEYS[key]}
        if key in _TEXTS:
            told["text"] = _TEXTS[key]
        for kind in ("keyDown", "keyUp"):
            await self._chromium.tell(self.session, "Input.dispatchKeyEvent", type=kind, **told)

    async def tab_to(self, name: str) -> None:
        """Press Tab until what has the focus is called so."""
        for _ in range(60):
            await self.press("Tab")
            if name in await self.run(_FOCUSED):
                return
        raise AssertionError(f"no way to {name} by keyboard")

    async def look(self, width: int, scheme: str) -> None:
        """Another window around the page. Returns when the page has drawn itself anew in it."""
        await self._chromium.look(self.session, width, scheme)
        await self.until(f"innerWidth === {width}")
        await self.run(_DRAWN)

    async def overflow(self) -> int:
        """Pixels that the page is wider than the window."""
        return await self.run("document.documentElement.scrollWidth - innerWidth")


# A chart sees in the first frame that its place has another width, and is drawn in the next.
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_FOCUSED = """(() => {
  const one = document.activeElement;
  if (one === document.body) return "";
  const labels = Array.from(one.labels ?? [], (label) => label.innerText).join(" ");
  return [one.getAttribute("aria-label"), labels, one.innerText].filter(Boolean).join(" ");
})()"""


def _labelled(label: str) -> str:
    return (
        "Array.from(document.querySelectorAll('label'))"
        f".find((one) => one.innerText.trim() === {json.dumps(label)})?.control"
    )


@asynccontextmanager
async def opened(
    chromium: Browser, url: str, *, width: int = 1280, scheme: str = "light", before: str = ""
) -> AsyncGenerator[Page]:
    """The page in a window of its own. `before`: a script that runs before those of the page."""
    session = await chromium.open(url, width, scheme, before)
    try:
        yield Page(chromium, session)
    finally:
        await chromium.close(session)


def assert_all_is_well(chromium: Browser, *addresses: str) -> None:
    """Nothing was asked of others than these, and the browser had nothing to say."""
    for url in chromium.requested():
        assert url.startswith((*(f"{one}/" for one in addresses), "data:", "blob:")), url
    complaints = [one for one in chromium.complaints() if _HINT not in one]
    assert complaints == []
