"""The console's page Requests, on a real gateway whose log is long."""

from typing import Any

import asyncpg
import pytest

from tests.support.axe.check import LOOKS, barriers, serious
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import make_keys
from tests.support.console_page import HOSTILE, console
from tests.support.failing_parts import GatewayProcess
from tests.support.page import Page, assert_all_is_well

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
ROWS = 100_000
# One every 20 ms; each hundredth failed, each thousandth has a hostile model. The newest, number 0,
# is of another key: a page that begins with number 1 is filtered by the first key.
FILL = f"""
insert into gateway.usage_logs (request_id, api_key_id, model, endpoint, prompt_tokens,
  completion_tokens, total_tokens, charged_tokens, usage_source, status, ttft_ms, duration_ms,
  created_at, backend)
select
  ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
  case when n = 0 then $3::uuid else $1 end,
  case when n % 1000 = 0 then $2 else 'plain:latest' end, '/v1/chat/completions', n, 5, n + 5,
  n + 5, case when n % 100 = 0 then 'estimated' else 'reported' end,
  case when n % 100 = 0 then 'upstream_error' else 'ok' end, 12, 345,
  now() - n * interval '20 ms', $2
from generate_series(0, {ROWS}) as n
"""
IDS = "Array.from(document.querySelectorAll('tbody button'), (one) => one.ariaLabel.slice(-12))"
Made = dict[str, Any]


@pytest.fixture(scope="module")
async def made(gateway: GatewayProcess, shared_dsn: str) -> Made:
    key, another = make_keys(gateway.url, HOSTILE), make_keys(gateway.url, "another")
    connection = await asyncpg.connect(shared_dsn)
    await connection.execute(FILL, key["id"], HOSTILE, another["id"])
    await connection.execute("analyze gateway.usage_logs")
    await connection.close()
    return key


async def only(page: Page, made: Made) -> None:
    """The rows of this key."""
    await page.choose("Key", made["id"])
    await page.click("button", "Filter")
    await shows(page, 1)


async def shows(page: Page, first: int) -> list[int]:
    """The numbers of the rows on the page, as soon as it begins with this one."""
    await page.until(f"Number({IDS}[0]) === {first}")
    return [int(one) for one in await page.run(IDS)]


async def test_a_long_log_is_turned_page_by_page_and_back(
    chromium: Browser, gateway: GatewayProcess, made: Made
) -> None:
    async with console(chromium, gateway.url, "requests") as page:
        await only(page, made)
        seen: list[int] = []
        for number in range(6):
            seen += await shows(page, number * 50 + 1)
            await page.says(f"Page {number + 1}")
            await page.click("button", "Older")
        assert seen == [*range(1, 301)]
        await shows(page, 301)
        await page.click("button", "Newer")
        await shows(page, 251)
        await page.click("button", "Newest")
        await shows(page, 1)
        assert await page.run("typeof hit") == "undefined"
        assert_all_is_well(chromium, gateway.url)


async def test_the_log_is_filtered(chromium: Browser, gateway: GatewayProcess, made: Made) -> None:
    async with console(chromium, gateway.url, "requests") as page:
        await only(page, made)
        await page.choose("Status", "upstream_error")
        await page.click("button", "Filter")
        assert (await shows(page, 100))[:3] == [100, 200, 300]
        await page.fill("Model", HOSTILE)
        await page.click("button", "Filter")
        assert (await shows(page, 1000))[:2] == [1000, 2000]
        await page.says("the model failed (estimated)")
        await page.fill("Route", "/api/chat")
        await page.click("button", "Filter")
        await page.says("No request fits.")
        await page.click("button", "Clear")
        await page.until("document.querySelectorAll('tbody tr').length === 50")


async def test_a_request_is_found_by_its_id_and_told_in_full(
    chromium: Browser, gateway: GatewayProcess, made: Made
) -> None:
    asked = "00000000-0000-4000-8000-000000001000"
    async with console(chromium, gateway.url, "requests") as page:
        await page.fill("Find a request by its id", asked)
        await page.press("Enter")
        await page.until("Boolean(document.querySelector('dialog[open] dl'))")
        told = await page.run("document.querySelector('dialog').innerText")
        for part in (
            asked,
            HOSTILE,
            "the model failed",
            "1,000",
            "1,005 tokens",
            "345 ms",
            "12 ms",
        ):
            assert part in told
        assert await serious(page) == []
        await page.press("Escape")
        await page.until("!document.querySelector('dialog')")
        await page.fill("Find a request by its id", "00000000-0000-4000-8000-999999999999")
        await page.press("Enter")
        await page.says("Nothing is known of this request.")
        assert await page.run("typeof hit") == "undefined"


async def test_all_of_it_works_by_keyboard(
    chromium: Browser, gateway: GatewayProcess, made: Made
) -> None:
    async with console(chromium, gateway.url, "requests") as page:
        await only(page, made)
        await page.tab_to("Status")
        chosen = "document.activeElement.value"
        while await page.run(chosen) != "upstream_error":
            before = await page.run(chosen)
            await page.press("ArrowDown")
            assert await page.until(f"{chosen} !== '{before}' && {chosen}")
        await page.tab_to("Filter")
        await page.press("Enter")
        await shows(page, 100)
        await page.tab_to("request 00000000-0000-4000-8000-000000000100")
        await page.press("Enter")
        await page.until("Boolean(document.querySelector('dialog[open] dl'))")
        await page.press("Escape")
        await page.until("!document.querySelector('dialog')")
        await page.until("document.activeElement.ariaLabel.endsWith('000100')")
        await page.tab_to("Older")
        await page.press("Enter")
        await shows(page, 5100)


@pytest.mark.parametrize("looks", [LOOKS[:1], LOOKS[1:]], ids=["narrow", "wide"])
async def test_it_fits_and_keeps_nobody_out(
    chromium: Browser, gateway: GatewayProcess, made: Made, looks: tuple[tuple[int, str], ...]
) -> None:
    """What is shown at first depends on the width that the window has then."""
    async with console(chromium, gateway.url, "requests", width=looks[0][0]) as page:
        await page.until("document.querySelectorAll('tbody tr').length >= 20")
        pager = "getComputedStyle(document.querySelector('.pager')).flexDirection"
        assert await page.run(pager) == "row"
        assert await barriers(page, looks) == {}
