"""`/account` in a real browser: the holder of a key, or a visitor, sees what is theirs."""

import json

import httpx
import pytest

from tests.support.axe.check import EVERY_LOOK, barriers
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import QUESTION, bearer, make_key, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, WORDS, Exchange, FakeUpstream
from tests.support.page import SIZES, Page, assert_all_is_well, opened

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
ANSWER = "".join(WORDS)
SNIPPET = "document.querySelector('.snippets pre').innerText"
HOSTILE = "<script>hit = 1</script><img src=x onerror='hit = 1'>"


def kept(key: str) -> str:
    """As if it had been typed in before, in this tab."""
    return f"sessionStorage.setItem('localllm.key', {json.dumps(key)})"


async def enter(page: Page, key: str) -> None:
    await page.fill("Key or visitor token", key)
    await page.click("button", "Show my account")


async def test_a_key_is_shown_its_limits_use_models_and_snippets(
    chromium: Browser, gateway: GatewayProcess, client: httpx.Client
) -> None:
    key = make_key(gateway.url, "my site", monthly_token_limit=5000, rate_limit_per_min=7)
    assert client.post("/v1/chat/completions", json=QUESTION, headers=bearer(key)).is_success
    async with opened(chromium, f"{gateway.url}/account") as page:
        await enter(page, f"  {key}\n")
        for told in ("my site", "16 of 5,000 tokens used", "4,984 tokens", "at most 7", MODEL):
            await page.says(told)
        await page.until("Boolean(document.querySelector('.chart canvas'))")
        await page.click("summary", "In numbers")
        row = await page.until(
            "document.querySelector('tbody tr')?.innerText.split(/\\s*\\n\\s*|\\t/)"
        )
        assert row[1:] == [MODEL, "1", "11", "5", "16"]
        for program in ("curl", "Python", "JavaScript", "Claude Code", "Codex", "Open WebUI"):
            await page.click(".snippets button", program)
            for part in (key, gateway.url, *(() if program == "Open WebUI" else (MODEL,))):
                await page.until(f"{SNIPPET}.includes({json.dumps(part)})")
        assert_all_is_well(chromium, gateway.url)


async def test_a_chat_is_streamed_and_counted(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream, key: str
) -> None:
    async with opened(chromium, f"{gateway.url}/account", before=kept(key)) as page:
        await page.says("0 of ")
        await page.fill("Your message", "Say hello.")
        await page.press("Enter")
        await page.says(ANSWER)
        await page.says("11 tokens in, 5 out")
        await page.says("16 of ")  # and what is left is looked up again
        await page.fill("Your message", "And again?")
        await page.press("Enter")
        await page.says("32 of ")
        sent = upstream.chats[-1].json["messages"]
        assert [one["content"] for one in sent] == ["Say hello.", ANSWER, "And again?"]
        assert_all_is_well(chromium, gateway.url)


async def test_the_button_stop_frees_the_model(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream, key: str
) -> None:
    gate = upstream.gate()

    async def slow(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(("Once",))
        await gate.passed()

    upstream.behave = slow
    async with opened(chromium, f"{gateway.url}/account", before=kept(key)) as page:
        await page.fill("Your message", "Tell me a story.")
        await page.press("Enter")
        await page.says("Once")
        await page.click("button", "Stop")
        await page.says("Stopped.")
        upstream.wait_until(lambda: upstream.chats[0].gone)
    gate.open()


async def test_a_visitor_sees_their_own_day_and_nothing_of_the_key(
    chromium: Browser, gateway: GatewayProcess, client: httpx.Client
) -> None:
    visitors = {"by": ["token"], "tokens_per_day": 2000, "requests_per_min": 9}
    key = make_key(gateway.url, "the secret name of a site", visitors=visitors)
    asked = client.post("/v1/visitor-tokens", json={"visitor": "anna"}, headers=bearer(key))
    async with opened(chromium, f"{gateway.url}/account") as page:
        await enter(page, asked.json()["token"])
        for told in ("A visitor's token", "Today", "0 of 2,000 tokens used", "at most 9"):
            await page.says(told)
        await page.fill("Your message", "Say hello.")
        await page.press("Enter")
        await page.says("16 of 2,000 tokens used")
        assert "the secret name" not in await page.run("document.body.innerText")
        assert_all_is_well(chromium, gateway.url)


async def test_a_key_stays_in_its_tab_until_it_is_forgotten(
    chromium: Browser, gateway: GatewayProcess, key: str
) -> None:
    async with opened(chromium, f"{gateway.url}/account") as page:
        await enter(page, key)
        await page.says("This month")
        assert await page.run("[localStorage.length, document.cookie, location.href]") == [
            0,
            "",
            f"{gateway.url}/account",
        ]
        await page.go(f"{gateway.url}/account")
        await page.says("This month")
        await page.click("button", "Forget the key")
        await page.says("Key or visitor token")
        assert await page.run("sessionStorage.length") == 0
        await page.go(f"{gateway.url}/account")
        await page.says("Key or visitor token")
    async with opened(chromium, f"{gateway.url}/account") as other:
        await other.says("Key or visitor token")


async def test_hostile_names_run_nothing(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client
) -> None:
    upstream.models.append({"name": f"{HOSTILE}:latest", "model": f"{HOSTILE}:latest"})
    try:
        made = make_keys(gateway.url, HOSTILE)
        assert "onerror" in client.get("/v1/models", headers=bearer(made["key"])).text
        async with opened(chromium, f"{gateway.url}/account", before=kept(made["key"])) as page:
            await page.says("onerror")
            await page.until(f"document.querySelector('h1').innerText === {json.dumps(HOSTILE)}")
            await page.choose("Model", f"{HOSTILE}:latest")
            assert await page.run("typeof hit") == "undefined"
            assert_all_is_well(chromium, gateway.url)
    finally:
        upstream.models.pop()


async def test_it_fits_and_keeps_nobody_out(
    chromium: Browser, gateway: GatewayProcess, client: httpx.Client
) -> None:
    key = make_key(gateway.url, "a site")
    assert client.post("/v1/chat/completions", json=QUESTION, headers=bearer(key)).is_success
    async with opened(chromium, f"{gateway.url}/account", width=SIZES[0]) as page:
        await page.says("Key or visitor token")
        assert await barriers(page, EVERY_LOOK) == {}
        await page.look(SIZES[0], "light")
        await enter(page, key)
        await page.until("Boolean(document.querySelector('.chart canvas'))")
        await page.fill("Your message", "Say hello.")
        await page.press("Enter")
        await page.says("5 out")
        await page.says("32 of ")  # what is left is looked up again, which draws the page anew
        assert await barriers(page, EVERY_LOOK) == {}


async def test_all_of_it_works_by_keyboard(
    chromium: Browser, gateway: GatewayProcess, key: str
) -> None:
    async with opened(chromium, f"{gateway.url}/account") as page:
        await page.says("Key or visitor token")
        await page.tab_to("Key or visitor token")
        await page.type(key)
        await page.press("Enter")
        await page.says("This month")
        await page.tab_to("Python")
        await page.press("Enter")
        await page.says("from openai import OpenAI")
        await page.tab_to("Your message")
        await page.type("Say hello.")
        await page.tab_to("Send")
        await page.press("Enter")
        await page.says(ANSWER)
        await page.says("16 of ")  # what is left is looked up again, which draws the page anew
        await page.run("document.activeElement.blur()")
        await page.tab_to("Forget the key")
        await page.press(" ")
        await page.says("Key or visitor token")
        assert_all_is_well(chromium, gateway.url)
