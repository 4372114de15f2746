"""Who gets in, and how long the secret is kept."""

import json

import pytest

from tests.e2e.console.conftest import LOGGED_IN
from tests.support.browser import Browser, chromium, one_loop
from tests.support.console.scene import SECRET, Scene
from tests.support.page import Page, assert_all_is_well, opened

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

KEPT = "JSON.stringify([Object.values(sessionStorage), Object.values(localStorage)])"


async def log_in(page: Page, secret: str) -> None:
    await page.fill("Admin secret", secret)
    await page.press("Enter")


async def test_a_wrong_secret_is_said_to_be_wrong_and_not_kept(
    chromium: Browser, scene: Scene
) -> None:
    async with opened(chromium, f"{scene.url}/console") as page:
        await log_in(page, "guessed")
        await page.says("This is not the admin secret.")
        assert await page.run("document.querySelector('[role=alert]') !== null")
        assert json.loads(await page.run(KEPT)) == [[], []]


@pytest.mark.parametrize(
    ("path", "label"), [("console", "Admin secret"), ("account", "Key or visitor token")]
)
async def test_no_browser_is_asked_to_check_the_spelling_of_a_secret(
    chromium: Browser, scene: Scene, path: str, label: str
) -> None:
    """Some send what they check to their maker."""
    async with opened(chromium, f"{scene.url}/{path}") as page:
        await page.says(label)
        assert await page.run("document.querySelector('input[type=password]').spellcheck") is False


async def test_the_secret_is_kept_in_the_tab_and_nowhere_else_until_one_logs_out(
    chromium: Browser, scene: Scene
) -> None:
    async with opened(chromium, f"{scene.url}/console") as page:
        await log_in(page, SECRET)
        await page.says("Your address")
        assert json.loads(await page.run(KEPT)) == [[SECRET, "gateway"], []]
        assert SECRET not in await page.run("location.href")
        assert_all_is_well(chromium, scene.url)
        await page.go(f"{scene.url}/console")
        await page.says("Your address")
        await page.click("button", "Log out")
        await page.says("Admin secret")
        assert SECRET not in await page.run(KEPT)
    async with opened(chromium, f"{scene.url}/console") as another:
        await another.says("Admin secret")


async def test_who_is_not_let_in_any_more_is_asked_to_log_in_again(
    chromium: Browser, scene: Scene
) -> None:
    wrong = "sessionStorage.setItem('localllm.secret', 'of last year')"
    async with opened(chromium, f"{scene.url}/console#/keys", before=wrong) as page:
        await page.says("The secret is not accepted any more.")
        await log_in(page, SECRET)
        await page.says("New key")


async def test_the_page_that_was_asked_for_is_shown_after_logging_in(
    chromium: Browser, scene: Scene
) -> None:
    async with opened(chromium, f"{scene.url}/console#/health", before=LOGGED_IN) as page:
        await page.says("2 things to look at.")
        assert await page.run("document.title") == "Health · localllm"
