"""Every page on narrow, usual and very wide windows, light and dark, with names that are an attack:
nothing overflows, nothing keeps people out, no script runs, and nobody else is asked."""

import httpx
import pytest

from tests.e2e.console.conftest import LOGGED_IN, WRONG_SCRIPT, make_key
from tests.support.axe.check import EVERY_LOOK, barriers
from tests.support.browser import Browser, chromium, one_loop
from tests.support.console.scene import HOSTILE, Scene, running
from tests.support.page import SIZES, Page, assert_all_is_well, opened

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

BEFORE = f"{LOGGED_IN}; {WRONG_SCRIPT}"


@pytest.fixture
async def crowded(scene: Scene, owner: httpx.AsyncClient) -> Scene:
    """Much is going on, and everybody has a hostile name."""
    name = {"id": None, "name": HOSTILE}
    scene.status["running"] = [running(1), running(2, key=name, model=HOSTILE, backend=HOSTILE)]
    scene.status["waiting"] = [running(3, place=1, key=name, model=HOSTILE, backend=None)]
    [machine] = scene.status["backends"]
    machine["loaded"][0]["model"] = HOSTILE
    down = {"state": "down", "error": HOSTILE, "loaded": [], "name": HOSTILE, "url": "http://b"}
    scene.status["backends"].append({**machine, **down})
    scene.status["tunnel"] = {"state": "down", "hostname": HOSTILE, "detail": HOSTILE}
    scene.log[0] |= {"key_name": HOSTILE, "model": HOSTILE, "status": "client_gone"}
    await make_key(owner, HOSTILE, owner_email="a@b.example", allowed_models=["b*"])
    return scene


async def key_page(page: Page) -> None:
    await page.click("a", HOSTILE)
    await page.says("What it may do")


async def new_key(page: Page) -> None:
    await page.click("button", "New key")
    await page.click("button", "Website")
    await page.says("Tokens a day for each")


async def made_key(page: Page) -> None:
    await page.click("button", "New key")
    await page.fill("Name", HOSTILE)
    await page.click("button", "Make the key")
    await page.says("Copy it now")


async def menu(page: Page) -> None:
    if await page.run("getComputedStyle(document.querySelector('.menu')).display !== 'none'"):
        await page.click("button", "Menu")


# Where, what is done there, and what is shown then.
PLACES = {
    "now": ("now", menu, "What it rests on"),
    "keys": ("keys", menu, "Used this month"),
    "key": ("keys", key_page, HOSTILE),
    "new": ("keys", new_key, "Make the key"),
    "made": ("keys", made_key, "I have it"),
    "health": ("health", menu, "does not work"),
    "nowhere": ("keys/00000000", menu, "There is no such key."),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_page_fits_and_lets_everybody_in(
    chromium: Browser, crowded: Scene, place: str
) -> None:
    at, act, shown = PLACES[place]
    url = f"{crowded.url}/console#/{at}"
    async with opened(chromium, url, width=SIZES[0], scheme="dark", before=BEFORE) as page:
        await page.until("document.querySelector('main h1')")
        await act(page)
        await page.says(shown)
        assert await barriers(page) == {}
        assert "script ran" not in await page.run("document.title")
        assert await page.run("document.querySelectorAll('#app :is(img, .first)').length") == 0
        assert_all_is_well(chromium, crowded.url)


async def test_the_log_in_fits_and_lets_everybody_in(chromium: Browser, scene: Scene) -> None:
    async with opened(chromium, f"{scene.url}/console", width=SIZES[0]) as page:
        await page.says("Admin secret")
        assert await page.run("document.querySelector('.first')") is None
        assert await barriers(page, EVERY_LOOK) == {}
        assert_all_is_well(chromium, scene.url)
