"""What happens now is shown as it happens."""

import httpx
import pytest

from tests.e2e.console.conftest import LOGGED_IN, make_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.console.scene import Scene, logged, running
from tests.support.failing_parts import eventually
from tests.support.page import assert_all_is_well, opened

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio


async def test_a_request_that_begins_runs_and_ends_is_seen_without_loading_the_page_again(
    chromium: Browser, scene: Scene
) -> None:
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("Live")
        scene.status["running"] = []
        scene.tell()
        await page.says("Nobody is asking the model now.")
        scene.status["running"] = [running(1, completion_tokens=4321, tokens_per_second=12.34)]
        scene.tell()
        await page.says("310, 4,321")
        await page.says("12.3")
        scene.status["running"] = []
        scene.tell()
        scene.tell("request", logged(30, model="llama3:8b", total_tokens=777))
        await page.says("llama3:8b")
        await page.says("777")
        assert_all_is_well(chromium, scene.url)


async def test_a_request_of_which_nothing_is_told_yet_shows_no_numbers(
    chromium: Browser, scene: Scene
) -> None:
    unknown = {"prompt_tokens": 0, "completion_tokens": 0, "tokens_per_second": None}
    scene.status["running"] = [running(1, stream=False, ttft_ms=None, **unknown)]
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("Running for")
        shown = "document.querySelector('td[data-label=\"Tokens in, out\"]').innerText"
        assert await page.run(shown) == "–"


async def test_what_ended_is_told_with_its_end_and_in_the_words_of_the_log(
    chromium: Browser, scene: Scene
) -> None:
    one = {"time": "2026-11-24T03:10:00Z", "duration_ms": 65_000, "status": "upstream_timeout"}
    scene.log = [logged(1, **one)]
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("the model took too long")
        ended = "new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(%s)"
        at = "new Date('2026-11-24T03:11:05Z')"
        assert await page.run("document.querySelector('td[data-label=Ended]').innerText") == (
            await page.run(ended % at)
        )


async def test_the_demo_model_is_named_and_cannot_be_loaded_or_unloaded(
    chromium: Browser, scene: Scene
) -> None:
    [machine] = scene.status["backends"]
    machine |= {"kind": "demo", "loaded": []}
    scene.status["default_model"] = "gemma3:270m"
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("built-in demo model")
        await page.says("always there")
        assert "gemma3:270m" in await page.run("document.querySelector('.loaded').innerText")
        await page.click("a", "Models")
        await page.says("The built-in demo model stands in for Ollama.")
        assert "Download" not in await page.run("document.querySelector('main').innerText")


async def test_it_goes_on_by_itself_after_the_gateway_was_away(
    chromium: Browser, scene: Scene
) -> None:
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("Live")
        scene.away = True
        scene.drop()
        await page.says("Connection lost; trying again")
        scene.status["running"] = [running(1, model="after:the-start")]
        scene.away = False
        await page.says("after:the-start")
        await page.says("Live")
        assert scene.listeners == 1


async def test_one_request_is_cancelled_and_no_other(chromium: Browser, scene: Scene) -> None:
    scene.status["running"] = [running(1), running(2, model="llama3:8b")]
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("llama3:8b")
        await page.run(
            "document.querySelector("
            "'[aria-label=\"Cancel the request of my website to llama3:8b\"]').click()"
        )

        async def cancelled() -> bool:
            return scene.cancelled == [running(2)["id"]]

        assert await eventually(cancelled)


async def test_the_address_is_shown_to_be_copied_and_as_a_qr_code(
    chromium: Browser, scene: Scene
) -> None:
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("https://llm.example.com/v1")
        label = "svg[aria-label='QR code of https://llm.example.com']"
        assert await page.run(f'document.querySelectorAll("{label} path").length') == 1
        scene.status["address"] = "http://127.0.0.1:8000"  # which no phone can reach
        scene.tell()
        await page.says("http://127.0.0.1:8000/v1")
        assert await page.run("document.querySelector('.qr')") is None


async def test_the_key_of_a_request_leads_to_its_page(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    key = await make_key(owner, "my shop")
    scene.status["running"] = [running(1, key={"id": key["id"], "name": "my shop"})]
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.click("a", "my shop")
        await page.says("What it may do")
        assert await page.run("location.hash") == f"#/keys/{key['id']}"


async def test_logging_out_ends_the_stream(chromium: Browser, scene: Scene) -> None:
    async with opened(chromium, f"{scene.url}/console", before=LOGGED_IN) as page:
        await page.says("Live")
        await page.click("button", "Log out")

        async def nobody() -> bool:
            scene.tell()  # that somebody has left is noticed when something is sent
            return scene.listeners == 0

        assert await eventually(nobody)
