"""The menu, by keyboard and on a phone; where the focus is when a page is shown."""

import httpx
import pytest

from tests.e2e.console.conftest import LOGGED_IN, make_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.console.scene import Scene
from tests.support.page import opened

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

FOCUSED = "document.activeElement === document.querySelector('main h1')"


@pytest.mark.parametrize("width", [360, 1280])
async def test_one_gets_everywhere_by_keyboard_and_begins_at_the_title(
    chromium: Browser, scene: Scene, width: int
) -> None:
    url = f"{scene.url}/console"
    async with opened(chromium, url, width=width, before=LOGGED_IN) as page:
        await page.says("Your address")
        if width == 360:
            await page.tab_to("Menu")
            await page.press("Enter")
            assert await page.run("document.activeElement.getAttribute('aria-expanded')") == "true"
        await page.tab_to("Health")
        await page.press("Enter")
        await page.says("things to look at.")
        await page.until(FOCUSED)
        assert await page.run("document.querySelector('h1').textContent") == "Health"
        assert await page.run("document.title") == "Health · localllm"
        shown = "document.querySelector('nav [aria-current=page]').textContent"
        assert await page.run(shown) == "Health"
        if width == 360:  # the menu has closed
            assert (
                await page.run("getComputedStyle(document.querySelector('nav')).display") == "none"
            )


async def test_the_menu_can_be_passed_over(chromium: Browser, scene: Scene) -> None:
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await page.says("There is no key yet.")
        await page.tab_to("Skip to the page")
        await page.press("Enter")
        assert await page.run(FOCUSED)
        assert await page.run("location.hash") == "#/keys"


async def test_a_link_within_a_page_leads_to_the_title_too(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    await make_key(owner, "my shop")
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await page.says("my shop")
        await page.tab_to("my shop")
        await page.press("Enter")
        await page.says("What it may do")
        await page.until(FOCUSED)
        await page.run("history.back()")
        await page.says("Used this month")


async def test_an_address_that_is_no_page_shows_the_first(chromium: Browser, scene: Scene) -> None:
    url = f"{scene.url}/console#/%E0%A4%A/<b>?x"
    async with opened(chromium, url, before=LOGGED_IN) as page:
        await page.says("Your address")
