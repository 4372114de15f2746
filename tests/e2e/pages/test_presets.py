"""The console's pages Presets and Playground, on a real gateway: what is asked is what counts."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.axe.check import barriers, serious
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import admin, make_keys
from tests.support.console_page import HOSTILE, console
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import MODEL, WORDS, FakeUpstream
from tests.support.page import SIZES, Page, assert_all_is_well

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
ANSWER = "".join(WORDS)
LOCKED: dict[str, Any] = {
    "model": MODEL,
    "system": f"Describe things. {HOSTILE}",
    "template": "Describe {{thing}} {{times}} times, {{tone}}.",
    "variables": {
        "thing": {"type": "string", "maxLength": 80},
        "times": {"type": "integer", "minimum": 1, "maximum": 9},
        "tone": {"enum": ["friendly", "formal"]},
    },
    "parameters": {"temperature": 0.5, "stop": ["END"], "format": "json", "think": False},
    "locked": True,
}


def make(gateway: GatewayProcess, name: str) -> str:
    """A locked preset, made anew."""
    known = [one["name"] for one in admin(gateway.url, "GET", "/presets")["data"]]
    if name in known:
        admin(gateway.url, "DELETE", f"/presets/{name}")
    admin(gateway.url, "POST", "/presets", {"name": name, **LOCKED})
    return name


def playground_keys(gateway: GatewayProcess, tried: str) -> list[dict[str, Any]]:
    """Those that still work, of what is tried. Other tests have their own: of a window that is
    closed, nobody waits for what its page says while it goes."""
    listed = admin(gateway.url, "GET", "/api-keys?limit=1000")["data"]
    label = f"playground: {tried}"
    return [one for one in listed if one["label"] == label and one["revoked_at"] is None]


async def all_are_revoked(gateway: GatewayProcess, tried: str) -> None:
    """A page that is left says so while it goes, and nobody waits for that."""

    async def revoked() -> bool:
        return not await asyncio.to_thread(playground_keys, gateway, tried)

    await eventually(revoked)


async def new(page: Page) -> None:
    await page.click("button", "New preset")
    await page.until("Boolean(document.querySelector('dialog[open]'))")


async def ask(page: Page, text: str) -> None:
    await page.fill("Your message", text)
    await page.press("Enter")
    await page.says("11 tokens in, 5 out")


async def test_a_preset_is_made_tried_changed_and_gone_back_to(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    async with console(chromium, gateway.url, "presets") as page:
        await new(page)
        await page.fill("Name", "made-here")
        await page.fill("Model", MODEL)
        await page.fill("Prompt", "You sell mugs.")
        await page.click("button", "Make the preset")
        await page.says("Version 1")
        await ask(page, "Do you sell tea?")
        sent = upstream.chats[-1].json["messages"]
        assert [one["content"] for one in sent] == ["You sell mugs.", "Do you sell tea?"]

        await page.fill("Prompt", "You sell tea.")
        await page.click("summary", "What it says of the answer")
        await page.fill("Temperature", "0.25")
        await page.click("button", "Save as a new version")
        await page.says("Saved as version 2.")
        told = admin(gateway.url, "GET", "/presets/made-here")
        assert (told["system"], told["parameters"]) == ("You sell tea.", {"temperature": 0.25})

        await page.click("button", "Go back to it")
        await page.says("Version 3")
        assert admin(gateway.url, "GET", "/presets/made-here")["system"] == "You sell mugs."
        await page.click("button", "Delete")
        await page.click("dialog button", "Delete it")
        await page.until("location.hash === '#/presets'")
        names = [one["name"] for one in admin(gateway.url, "GET", "/presets")["data"]]
        assert "made-here" not in names
        assert_all_is_well(chromium, gateway.url)


async def test_what_is_saved_without_a_change_is_what_was_there(
    chromium: Browser, gateway: GatewayProcess
) -> None:
    name = make(gateway, "unchanged")
    async with console(chromium, gateway.url, f"presets/{name}") as page:
        await page.says("Version 1")
        await page.fill("Prompt", "Another one.")
        await page.click("button", "Save as a new version")
        await page.says("Saved as version 2.")
        told = admin(gateway.url, "GET", f"/presets/{name}")
        assert {part: told[part] for part in LOCKED} == {**LOCKED, "system": "Another one."}


async def test_what_is_wrong_stands_at_its_field(
    chromium: Browser, gateway: GatewayProcess
) -> None:
    async with console(chromium, gateway.url, "presets") as page:
        await new(page)
        await page.fill("Name", "Not A Name")
        await page.fill("Model", MODEL)
        await page.click("button", "Make the preset")
        await page.says("the name must be 1 to 64 of a to z")
        await page.fill("Name", "wrong-bounds")
        await page.click("button", "Add a variable")
        await page.run("document.querySelector('.variable input').focus()")
        await page.type("many")
        await page.fill("Longest (characters)", "lots")
        await page.click("button", "Make the preset")
        await page.says("This should be a number.")
        assert await serious(page) == []


async def test_a_locked_preset_is_tried_by_its_variables(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    name = make(gateway, "locked")
    async with console(chromium, gateway.url, f"presets/{name}") as page:
        await page.fill("thing", "a mug")
        await page.fill("times", "2")
        await page.choose("tone", "formal")
        await page.click(".chat button", "Send")
        await page.says("11 tokens in, 5 out")
        sent = upstream.chats[-1].json["messages"]
        assert sent[-1]["content"] == "Describe a mug 2 times, formal."
        assert await page.run("typeof hit") == "undefined"
        [key] = playground_keys(gateway, f"@preset/{name}")
        assert key["allowed_models"] == [f"@preset/{name}"]
        await page.click("button", "All presets")
        await page.says("variables only")
        await all_are_revoked(gateway, f"@preset/{name}")


async def test_a_model_is_tried_in_the_lane_of_a_key_and_counted_for_none(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    made = make_keys(
        gateway.url,
        HOSTILE,
        max_output_tokens=77,
        allowed_origins=["https://shop.example.com"],
        allowed_models=[MODEL],
    )
    async with console(chromium, gateway.url, "playground") as page:
        await page.choose("With the limits of", made["id"])
        await page.choose("Model", MODEL)
        await page.fill("System prompt", "Be short.")
        await page.fill("Temperature", "0.1")
        await ask(page, "It's late: say hello.")
        await page.says(ANSWER)
        sent = upstream.chats[-1].json
        assert [one["content"] for one in sent["messages"]] == [
            "Be short.",
            "It's late: say hello.",
        ]
        assert (sent["temperature"], sent["max_tokens"]) == (0.1, 77)
        shown = await page.run("document.querySelector('pre').innerText")
        assert shown.startswith(f"curl -N '{gateway.url}/v1/chat/completions'")
        assert json.dumps("It's late: say hello.").replace("'", "'\\''") in shown
        assert "llm_" not in shown
        assert await page.run("typeof hit") == "undefined"
        assert_all_is_well(chromium, gateway.url)
        await page.go(f"{gateway.url}/account")
    listed = admin(gateway.url, "GET", "/api-keys?limit=1000")["data"]
    [key] = [one for one in listed if one["id"] == made["id"]]
    assert key["tokens_used_month"] == 0


async def test_leaving_the_playground_ends_its_key(
    chromium: Browser, gateway: GatewayProcess
) -> None:
    async with console(chromium, gateway.url, "playground") as page:
        await ask(page, "Say hello.")
        assert playground_keys(gateway, "the owner")
        await page.go(f"{gateway.url}/account")
        await all_are_revoked(gateway, "the owner")


@pytest.mark.parametrize("place", ["presets", "presets/looked-at", "playground"])
async def test_they_fit_and_keep_nobody_out(
    chromium: Browser, gateway: GatewayProcess, place: str
) -> None:
    make(gateway, "looked-at")
    async with console(chromium, gateway.url, place, width=SIZES[0]) as page:
        await page.says({"presets": "variables only", "playground": "Chat"}.get(place, "Version 1"))
        await page.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert await barriers(page) == {}
