"""`/account` says in plain words why a key does not work, and what to do."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.support.bare_gateway import bare_gateway, served
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import admin, make_key, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.page import Page, opened

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio


async def enter(page: Page, key: str) -> None:
    await page.fill("Key or visitor token", key)
    await page.click("button", "Show my account")


async def refused(chromium: Browser, url: str, key: str, told: str) -> None:
    """The page says so beside the field, forgets the key, and can be asked again."""
    async with opened(chromium, f"{url}/account") as page:
        await enter(page, key)
        await page.says(told)
        assert await page.run("sessionStorage.length") == 0
        assert await page.run("document.querySelector('input').getAttribute('aria-invalid')")
        shown = await page.run("document.body.innerText")
        assert "localllm keys" not in shown  # a command for the owner helps nobody here


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("short", "This is not a key."),
        ("llm_größer größer größer", "This is not a key."),
        ("llm_0000000000000000000000000000000x", "This is not a whole key."),
        ("sk-proj-abcdefghijklmnopqrstuvwxyz", "This is not a whole key."),
    ],
)
async def test_what_is_no_key(
    chromium: Browser, gateway: GatewayProcess, key: str, told: str
) -> None:
    await refused(chromium, gateway.url, key, told)


async def test_a_revoked_key(chromium: Browser, gateway: GatewayProcess) -> None:
    made = make_keys(gateway.url)
    admin(gateway.url, "DELETE", f"/api-keys/{made['id']}")
    await refused(chromium, gateway.url, made["key"], "This key has been revoked. Ask the owner")


async def test_an_expired_key(chromium: Browser, gateway: GatewayProcess, shared_dsn: str) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = make_keys(gateway.url, expires_at=soon)
    connection = await asyncpg.connect(shared_dsn)
    await connection.execute(
        "update gateway.api_keys set expires_at = now() - interval '1 s' where id = $1", made["id"]
    )
    await connection.close()
    await refused(chromium, gateway.url, made["key"], "This key has expired. Ask the owner")


async def test_a_key_of_a_log_in_may_not_be_used_itself(
    chromium: Browser, gateway: GatewayProcess
) -> None:
    by = {"by": ["issuer"], "issuer": "https://login.example.com", "audience": "site"}
    key = make_key(gateway.url, visitors={**by, "tokens_per_day": 10, "requests_per_min": 1})
    await refused(chromium, gateway.url, key, "Enter the token of a visitor instead")


async def test_a_key_of_other_websites_is_shown_and_says_why_it_cannot_chat_here(
    chromium: Browser, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url, "theirs", allowed_origins=["https://shop.example.com"])
    async with opened(chromium, f"{gateway.url}/account") as page:
        await enter(page, key)
        await page.says("theirs")
        await page.fill("Your message", "Say hello.")
        await page.press("Enter")
        await page.says("This key works on its own websites only")


async def test_a_key_without_the_scope_for_the_list_still_shows_its_use(
    chromium: Browser, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url, "a bare key", scopes=["chat"])
    async with opened(chromium, f"{gateway.url}/account") as page:
        await enter(page, key)
        await page.says("a bare key")
        await page.says("This key can ask models and not list them.")
        assert await page.run("document.querySelector('[role=alert]')") is None
        snippet = "document.querySelector('.snippets pre').innerText"
        assert '"model":""' in await page.run(snippet)
        line = await page.run(snippet)
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", line], capture_output=True, text=True, timeout=60
        )
        assert done.stdout.rstrip().endswith("data: [DONE]"), done
        await page.fill("Your message", "Say hello.")
        await page.press("Enter")
        await page.says("11 tokens in, 5 out")
        await page.until(f"""!{snippet}.includes('"model":""')""")  # what was asked has a name


async def test_a_store_that_is_away_is_no_fault_of_the_key(
    chromium: Browser, tmp_path: Path, key: str
) -> None:
    with bare_gateway(tmp_path) as services:
        async with served(services) as url, opened(chromium, f"{url}/account") as page:
            await enter(page, key)
            await page.says("Nothing is wrong with your key. Try again in a minute.")


async def test_a_server_that_is_gone_is_told(
    chromium: Browser, gateway: GatewayProcess, key: str
) -> None:
    async with opened(chromium, f"{gateway.url}/account") as page:
        await chromium.tell(
            page.session,
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        await enter(page, key)
        await page.says("The server cannot be reached.")
