"""The findings of doctor, run from the browser."""

import pytest

from tests.e2e.console.conftest import LOGGED_IN
from tests.support.browser import Browser, chromium, one_loop
from tests.support.console.scene import Scene
from tests.support.page import assert_all_is_well, opened

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

TITLES = "Array.from(document.querySelectorAll('.findings h2'), (one) => one.textContent)"


async def test_what_is_wrong_comes_first_with_what_to_do_and_can_be_looked_at_again(
    chromium: Browser, scene: Scene
) -> None:
    async with opened(chromium, f"{scene.url}/console#/health", before=LOGGED_IN) as page:
        await page.says("2 things to look at.")
        assert await page.run(TITLES) == ["Ollama 2", "Tunnel", "Database"]
        await page.says("It runs (ollama serve) with")
        await page.says("Run: localllm tunnel setup")
        scene.findings = [{**one, "state": "ok"} for one in scene.findings]
        await page.click("button", "Look again")
        await page.says("All is well.")
        assert_all_is_well(chromium, scene.url)
