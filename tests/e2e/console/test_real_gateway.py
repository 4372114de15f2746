"""From the first look to the first answer, with a whole gateway behind the console."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import ADMIN_SECRET, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.page import assert_all_is_well, opened
from tests.support.watching_client import Client

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

LOGGED_IN = f"sessionStorage.setItem('localllm.secret', {json.dumps(ADMIN_SECRET)})"


@pytest.fixture
async def own(shared_upstream: FakeUpstream, home: Path, dsn: str) -> AsyncIterator[GatewayProcess]:
    """A gateway of the test's own, which it may end and start again."""
    gateway = GatewayProcess(home, shared_upstream.url, dsn)
    await gateway.start()
    yield gateway
    assert await gateway.stop() == 0


async def begins(exchange: Exchange) -> None:
    """Some words, and then nothing more."""
    await exchange.head()
    await exchange.words()
    await asyncio.Event().wait()


async def test_a_newcomer_gets_from_the_address_to_a_first_answer_seen_live(
    chromium: Browser, own: GatewayProcess
) -> None:
    begun = time.monotonic()
    async with opened(chromium, f"{own.url}/console") as page:
        await page.fill("Admin secret", ADMIN_SECRET)
        await page.press("Enter")
        await page.says("Nobody is asking the model now.")
        await page.click("a", "Keys")
        await page.click("button", "New key")
        await page.click("button", "Friend")
        await page.fill("Name", "my website")
        await page.click("button", "Make the key")
        await page.click("dialog button", "curl")
        line = await page.run("document.querySelector('dialog pre').textContent")
        await page.click("button", "I have it")
        await page.click("a", "Now")
        await page.says("Nobody is asking the model now.")
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", line], capture_output=True, text=True, timeout=60
        )
        assert done.stdout.rstrip().endswith("data: [DONE]"), done
        await page.says("Last requests")
        await page.says("my website")
        await page.says("done")
        assert_all_is_well(chromium, own.url)
    print(f"a newcomer's path without reading: {time.monotonic() - begun:.1f} s")


async def test_what_runs_is_seen_with_its_tokens_and_ends_when_it_is_cancelled(
    chromium: Browser, own: GatewayProcess, shared_upstream: FakeUpstream
) -> None:
    shared_upstream.behave = begins
    key = await asyncio.to_thread(make_key, own.url, "my blog")
    async with opened(chromium, f"{own.url}/console", before=LOGGED_IN) as page:
        await page.says("Nobody is asking the model now.")
        client = await Client.ask(own.url, key, "x")
        await page.says("Running (1)")
        await page.says("my blog")
        await page.click("button", "Cancel")
        assert (await client.answer()).failed
        await page.says("Nobody is asking the model now.")
        await page.says("Last requests")
        await page.says("cancelled")


async def test_the_page_goes_on_after_the_gateway_was_killed_and_started_again(
    chromium: Browser, own: GatewayProcess
) -> None:
    async with opened(chromium, f"{own.url}/console", before=LOGGED_IN) as page:
        await page.says("Live")
        await own.kill()
        await page.says("Connection lost; trying again")
        await own.start()
        await page.says("Live")
        await page.until("!document.body.innerText.includes('Connection lost')")
