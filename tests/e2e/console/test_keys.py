"""Keys are made, changed, replaced and revoked in the browser; a thousand can be searched."""

from typing import Any

import httpx
import pytest

from tests.e2e.console.conftest import LOGGED_IN, make_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.console.scene import Scene
from tests.support.page import Page, assert_all_is_well, opened
from tests.support.postgres import execute

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

NEW = "document.querySelector('dialog[open] code').textContent"
NAMES = "Array.from(document.querySelectorAll('tbody th a'), (one) => one.textContent)"


async def keys(owner: httpx.AsyncClient) -> list[dict[str, Any]]:
    return (await owner.get("/admin/api-keys?limit=1000")).json()["data"]


async def works(scene: Scene, key: str) -> bool:
    async with httpx.AsyncClient(base_url=scene.url, trust_env=False, timeout=60) as client:
        headers = {"authorization": f"Bearer {key}"}
        return (await client.get("/v1/usage", headers=headers)).status_code == 200


async def open_new(page: Page, kind: str, name: str) -> None:
    await page.click("button", "New key")
    await page.click("button", kind)
    await page.fill("Name", name)


async def test_a_key_is_shown_once_with_a_snippet_that_holds_it_and_works(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await open_new(page, "Friend", "Bob's phone")
        await page.click("button", "Make the key")
        await page.says("Copy it now")
        key = await page.run(NEW)
        assert await works(scene, key)
        assert (
            await page.run("document.querySelector('dialog [aria-pressed=true]').textContent")
            == "Open WebUI"
        )
        for program in ("curl", "Python", "JavaScript", "Claude Code", "Codex", "Open WebUI"):
            await page.click("dialog button", program)
            shown = await page.run("document.querySelector('dialog pre').textContent")
            assert key in shown
            assert "https://llm.example.com" in shown
        await page.press("Escape")
        await page.press("Escape")  # what cannot be shown again is not closed by accident
        assert await page.run(NEW) == key
        await page.click("button", "I have it")
        await page.says("Bob's phone")
        assert key not in await page.run("document.documentElement.outerHTML")
        assert_all_is_well(chromium, scene.url)
    [made] = await keys(owner)
    assert (made["monthly_token_limit"], made["rate_limit_per_min"]) == (1_000_000, 20)


async def test_each_kind_sets_the_lane_that_it_names(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await open_new(page, "Website", "my blog")
        await page.fill("Websites", "https://blog.example\nhttps://www.blog.example")
        await page.click("button", "Make the key")
        await page.says("Copy it now")
        shown = await page.run("document.querySelector('dialog pre').textContent")
        assert shown.startswith("const answer = await fetch(")
        await page.click("button", "I have it")
        await page.click("a", "All keys")
        await open_new(page, "Agent", "laptop")
        await page.click("button", "Make the key")
        await page.click("button", "I have it")
    website, agent = await keys(owner)
    assert website["allowed_origins"] == ["https://blog.example", "https://www.blog.example"]
    assert website["scopes"] == ["chat"]
    assert website["visitors"] == {"by": ["address"], "tokens_per_day": 5000, "requests_per_min": 6}
    assert (agent["monthly_token_limit"], agent["rate_limit_per_min"]) == (500_000_000, 120)
    assert agent["visitors"] is None


async def test_without_a_tunnel_a_website_begins_without_visitors_and_the_reason_is_said(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    scene.status["tunnel"] = {"state": "none", "hostname": None, "detail": None}
    async with opened(chromium, f"{scene.url}/console#/now", before=LOGGED_IN) as page:
        await page.says("none runs here")
        await page.click("a", "Keys")
        await open_new(page, "Website", "my blog")
        await page.says("By address works once this machine has its tunnel")
        await page.click("button", "Make the key")
        await page.says("Copy it now")
    [made] = await keys(owner)
    assert made["visitors"] is None
    assert (made["monthly_token_limit"], made["max_output_tokens"]) == (3_000_000, 500)


async def test_who_wants_visitors_by_address_before_there_is_a_tunnel_is_told_what_to_choose(
    chromium: Browser, owner: httpx.AsyncClient, scene: Scene
) -> None:
    scene.refused["/admin/api-keys"] = {
        "message": "Set up a tunnel, or name your proxy in TRUSTED_PROXIES.",
        "param": "visitors",
    }
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await open_new(page, "Website", "my blog")
        await page.click("button", "Make the key")
        await page.says("To try the key on this machine, choose Nobody.")
        told = await page.run("document.querySelector('dialog').innerText")
        assert told.count("name your proxy") == 1
        field = "How they are told apart"
        await page.until(f"document.activeElement.labels?.[0].textContent === '{field}'")


async def test_what_was_typed_is_not_lost_by_escape_but_by_cancel(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    for place, button in (("keys", "New key"), ("presets", "New preset")):
        url = f"{scene.url}/console#/{place}"
        async with opened(chromium, url, before=LOGGED_IN) as page:
            await page.click("button", button)
            await page.until("document.activeElement.labels?.[0]?.innerText === 'Name'")
            await page.press("Escape")
            await page.until("!document.querySelector('dialog')")
            await page.click("button", button)
            await page.fill("Name", "half a name")
            await page.press("Escape")
            await page.press("Escape")
            assert await page.run(
                "document.querySelector('dialog[open] form input').value === 'half a name'"
            )
            await page.click("dialog button", "Cancel")
            await page.until("!document.querySelector('dialog')")
    assert await keys(owner) == []


async def test_keys_of_the_playground_are_listed_when_they_are_searched_for(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    await make_key(owner, "my shop")
    await make_key(owner, "playground: my shop")
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await page.says("1 of 2 keys")
        assert await page.run(NAMES) == ["my shop"]
        await page.fill("Search", "playground")
        await page.until(f"{NAMES}[0] === 'playground: my shop'")


async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await open_new(page, "Friend", "Bob")
        await page.fill("Websites", "blog example")
        await page.click("button", "Make the key")
        await page.until("document.querySelector('[aria-invalid]') !== null")
        wrong = "document.querySelector('[aria-invalid]')"
        assert await page.run(f"{wrong}.labels[0].textContent") == "Websites"
        await page.until(f"document.activeElement === {wrong}")
        assert await page.run("document.querySelectorAll('dialog [role=alert]').length") == 0
        await page.fill("Websites", "https://blog.example")
        await page.fill("Tokens a month", "many")
        await page.click("button", "Make the key")
        await page.says("This should be a number.")
    assert await keys(owner) == []


async def test_a_change_leaves_what_was_not_changed(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    visitors = {"by": ["token"], "tokens_per_day": 900, "keep_names": True}
    made = await make_key(
        owner,
        "my shop",
        visitors=visitors,
        expires_at="2031-05-06T07:08:09Z",
        allowed_models=[],
        max_output_tokens=77,
    )
    url = f"{scene.url}/console#/keys/{made['id']}"
    async with opened(chromium, url, before=LOGGED_IN) as page:
        await page.click("button", "Change")
        await page.fill("Tokens a month", "2,500,000")
        await page.click("button", "Save")
        await page.says("of 2,500,000 tokens")
    [after] = await keys(owner)
    before = {name: value for name, value in made.items() if name not in ("key", "message")}
    assert after == {**before, "monthly_token_limit": 2_500_000}


async def test_a_limit_is_taken_away_by_emptying_its_field(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    fields = {"max_output_tokens": 77, "expires_at": "2031-05-06", "allowed_models": ["a:b"]}
    made = await make_key(owner, "my shop", visitors={"by": ["token"]}, **fields)
    url = f"{scene.url}/console#/keys/{made['id']}"
    async with opened(chromium, url, before=LOGGED_IN) as page:
        await page.click("button", "Change")
        await page.choose("How they are told apart", "none")
        await page.run(
            "for (const field of document.querySelectorAll('dialog :is(input, textarea)'))"
            " if (['77', '2031-05-06', 'a:b'].includes(field.value)) {"
            " field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true })); }"
        )
        await page.click("button", "Save")
        await page.until("!document.querySelector('dialog')")
    [after] = await keys(owner)
    assert [after[name] for name in (*fields, "visitors")] == [None, None, None, None]


async def test_a_key_is_replaced_and_the_old_one_goes_on_for_the_time_of_grace(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    made = await make_key(owner, "my shop")
    url = f"{scene.url}/console#/keys/{made['id']}"
    async with opened(chromium, url, before=LOGGED_IN) as page:
        await page.click("button", "Replace")
        await page.click("button", "Make a new key")
        await page.says("Copy it now")
        second = await page.run(NEW)
        await page.click("button", "I have it")
        assert await works(scene, second)
        assert await works(scene, made["key"])
        await page.click("button", "Replace")
        await page.choose("The old one goes on for", "0")
        await page.click("button", "Make a new key")
        await page.says("Copy it now")
        assert not await works(scene, second)


async def test_a_key_is_revoked_only_after_a_question(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    made = await make_key(owner, "my shop")
    url = f"{scene.url}/console#/keys/{made['id']}"
    async with opened(chromium, url, before=LOGGED_IN) as page:
        await page.click("button", "Revoke")
        await page.click("button", "Leave it")
        assert await works(scene, made["key"])
        await page.click("button", "Revoke")
        await page.click("button", "Revoke it")
        await page.says("revoked ")
        assert not await works(scene, made["key"])
        assert await page.run("document.querySelectorAll('.heading button').length") == 0


async def test_a_thousand_keys_are_searched_and_sorted(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient, database: str
) -> None:
    await execute(
        database,
        """select gateway.create_api_key_at(
            now(), encode(sha256(n::text::bytea), 'hex'), 'llm_' || lpad(n::text, 4, '0'),
            'key ' || n, 'person' || n || '@example.com', 20, 1000, null, null, null, null
        ) from generate_series(1, 1000) as s (n)""",
    )
    async with opened(chromium, f"{scene.url}/console#/keys", before=LOGGED_IN) as page:
        await page.says("1,000 of 1,000 keys")
        assert len(await page.run(NAMES)) == 100
        await page.click("th button", "Name")
        assert (await page.run(NAMES))[:3] == ["key 1", "key 2", "key 3"]
        await page.click("th button", "Name")
        assert (await page.run(NAMES))[0] == "key 1000"
        await page.click("button", "Show 100 more")
        assert len(await page.run(NAMES)) == 200
        await page.fill("Search", "person777@")
        await page.says("1 of 1,000 keys")
        assert await page.run(NAMES) == ["key 777"]


async def test_a_key_is_made_with_the_keyboard_alone(
    chromium: Browser, scene: Scene, owner: httpx.AsyncClient
) -> None:
    async with opened(chromium, f"{scene.url}/console#/now", before=LOGGED_IN) as page:
        await page.says("Your address")
        await page.tab_to("Keys")
        await page.press("Enter")
        await page.says("New key")
        await page.tab_to("New key")
        await page.press("Enter")
        await page.until("document.activeElement.labels?.[0]?.innerText === 'Name'")
        await page.type("by keyboard")
        await page.tab_to("Make the key")
        await page.press("Enter")
        await page.says("Copy it now")
        await page.tab_to("I have it")
        await page.press("Enter")
        await page.says("What it may do")
    assert [one["label"] for one in await keys(owner)] == ["by keyboard"]
