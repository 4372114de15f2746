"""Swagger UI and ReDoc in a real Chromium: they show every operation, load nothing from elsewhere,
and break no policy. What is clicked is what a person clicks."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from gateway.reference.table import ROUTES
from tests.support.browser import Browser, chromium, one_loop
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

# A hint for authors of pages, about forms and history in the libraries; a broken policy is another.
HINT = '"code": "GenericIssue"'
# Resolves when the expression is true; looks whenever the page changes.
WAIT = """new Promise((resolve, reject) => {
  const look = () => { if (%s) { watcher.disconnect(); resolve(true); } };
  const watcher = new MutationObserver(look);
  watcher.observe(document, {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
  const late = () => reject(new Error("not in time: " + document.body.innerText.slice(-500)));
  setTimeout(late, 120000);
  look();
})"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# React takes a value only as typing sets it.
TYPE = """(() => {
  const field = document.querySelector(%s);
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  set.call(field, %s);
  field.dispatchEvent(new Event("input", { bubbles: true }));
})()"""


class Page:
    def __init__(self, chromium: Browser, session: str) -> None:
        self._chromium, self._session = chromium, session

    async def run(self, expression: str) -> Any:
        return await self._chromium.run(self._session, expression)

    async def shows(self, selector: str) -> None:
        await self.run(WAIT % f"document.querySelector({json.dumps(selector)})")

    async def click(self, selector: str) -> None:
        await self.shows(selector)
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def type(self, selector: str, text: str) -> None:
        await self.shows(selector)
        await self.run(TYPE % (json.dumps(selector), json.dumps(text)))

    async def says(self, selector: str, text: str) -> None:
        """Returns as soon as this stands there: what is laid out later comes later."""
        place = f"document.querySelector({json.dumps(selector)})"
        await self.run(WAIT % f"{place}?.innerText.includes({json.dumps(text)})")

    async def texts(self, selector: str) -> list[str]:
        each = f"document.querySelectorAll({json.dumps(selector)})"
        return await self.run(f"Array.from({each}, (one) => one.innerText)")


Opened = Callable[[str], Awaitable[Page]]


@pytest.fixture
async def opened(chromium: Browser) -> AsyncIterator[Opened]:
    """Opens a page in a window, which is closed at the end of the test."""
    sessions: list[str] = []

    async def open_page(url: str) -> Page:
        sessions.append(await chromium.open(url))
        return Page(chromium, sessions[-1])

    yield open_page
    for session in sessions:
        await chromium.close(session)


def assert_all_is_well(chromium: Browser, gateway: GatewayProcess) -> None:
    """Nothing was asked of another server, and the browser had nothing to say."""
    for url in chromium.requested():
        assert url.startswith((f"{gateway.url}/", "data:")), url
    complaints = [one for one in chromium.complaints() if HINT not in one]
    assert complaints == []


@pytest.mark.parametrize("scheme", ["bearer", "apiKey"])
async def test_swagger_ui_has_all_operations_and_tries_one_out_with_a_key(
    chromium: Browser, opened: Opened, gateway: GatewayProcess, key: str, scheme: str
) -> None:
    page = await opened(f"{gateway.url}/docs")
    await page.shows("#operations-Account-listModels")
    shown = await page.texts(".opblock-summary-path")
    plain = {path.replace("\u200b", "") for path in shown}
    assert plain == {route.path for route in ROUTES}
    assert len(shown) == len(ROUTES)

    field = f"#auth-{scheme}-value" if scheme == "bearer" else "#api_key_value"
    await page.click("button.authorize")
    await page.type(field, key)
    await page.run(f"document.querySelector('{field}').closest('form').requestSubmit()")
    await page.click(".modal-ux .close-modal")

    await page.click("#operations-Account-listModels .opblock-summary-control")
    await page.click("#operations-Account-listModels .try-out__btn")
    await page.click("#operations-Account-listModels .execute")
    live = "#operations-Account-listModels .live-responses-table"
    await page.says(f"{live} tr.response td.response-col_status", "200")
    await page.says(f"{live} tr.response td.response-col_description", f'"id": "{MODEL}"')
    assert_all_is_well(chromium, gateway)


async def test_redoc_has_all_operations_and_the_guide(
    chromium: Browser, opened: Opened, gateway: GatewayProcess
) -> None:
    page = await opened(f"{gateway.url}/redoc")
    await page.shows('[data-section-id$="/openapi"]')
    ids = await page.run(
        "Array.from(document.querySelectorAll('[data-section-id]'), (one) => one.dataset.sectionId)"
    )
    assert {f"tag/{route.group}/operation/{route.name}" for route in ROUTES} <= set(ids)
    text = await page.run("document.body.innerText")
    assert "A key is charged for the tokens of the prompt" in text
    await page.shows('a[href="https://redocly.com/redoc/"]')
    await page.run(FRAMES)  # after which the logo beside this link would be asked for
    await page.run(WAIT % "document.images.length === 0")
    assert_all_is_well(chromium, gateway)
