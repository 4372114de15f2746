"""The console says why a request was refused, and finds it by the id that its caller has."""

import json

import httpx
import pytest

from tests.support.axe.check import barriers, serious
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import QUESTION, bearer, make_key
from tests.support.console_page import HOSTILE, console
from tests.support.failing_parts import GatewayProcess
from tests.support.page import SIZES, assert_all_is_well

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio


@pytest.fixture
def refused(gateway: GatewayProcess, client: httpx.Client) -> str:
    """The id of a request for a model that its key may not use."""
    key = make_key(gateway.url, HOSTILE, allowed_models=["other"])
    answer = client.post("/v1/chat/completions", json=QUESTION, headers=bearer(key))
    assert answer.status_code == 403
    return answer.headers["x-request-id"]


async def test_what_was_refused_is_listed_with_the_reason(
    chromium: Browser, gateway: GatewayProcess, client: httpx.Client, refused: str
) -> None:
    unknown = bearer(make_key(gateway.url) + "x")
    stranger = client.post("/v1/chat/completions", json=QUESTION, headers=unknown)
    assert stranger.status_code == 401
    async with console(chromium, gateway.url, "requests") as page:
        await page.click("button", "Refused")
        await page.says("This API key may not use the model 'fake:latest'.")
        await page.says("Incorrect API key provided: it is not a valid API key.")
        await page.run(f"document.querySelector('button[aria-label*=\"{refused}\"]').click()")
        await page.says("Why it was refused")
        for part in (refused, "403 model_not_found", HOSTILE, "What to do:", "fake:latest"):
            told = "document.querySelector('dialog').innerText"
            await page.until(f"{told}.includes({json.dumps(part)})")
        assert await serious(page) == []
        assert await page.run("typeof hit") == "undefined"


async def test_it_is_found_by_the_id_that_its_caller_has(
    chromium: Browser, gateway: GatewayProcess, refused: str
) -> None:
    async with console(chromium, gateway.url, f"requests/{refused}") as page:
        await page.says("Why it was refused")
        await page.says("This API key may not use the model 'fake:latest'.")


async def test_the_list_fits_and_keeps_nobody_out(
    chromium: Browser, gateway: GatewayProcess, refused: str
) -> None:
    async with console(chromium, gateway.url, "requests", width=SIZES[0]) as page:
        await page.click("button", "Refused")
        await page.until(f"Boolean(document.querySelector('button[aria-label*=\"{refused}\"]'))")
        assert await barriers(page) == {}
        assert_all_is_well(chromium, gateway.url)
