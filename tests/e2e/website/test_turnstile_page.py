"""examples/web-turnstile: who is taken for a person gets a token from the function on Supabase."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.e2e.website.conftest import Sql, site_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import QUESTION, bearer
from tests.support.chat_page import ChatPage
from tests.support.deno import FUNCTIONS, needs_deno, running_function
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, FakeUpstream
from tests.support.paths import ROOT
from tests.support.postgrest.stand_in import stand_in
from tests.support.siteverify import SECRET, siteverify
from tests.support.tunnel.up import Up
from tests.support.website.site import copy, new_origin, static
from tests.support.website.turnstile import CLOUDFLARE, Widget, turnstile

__all__ = ["chromium", "one_loop"]
pytestmark = [pytest.mark.anyio, needs_deno]
TEXT = "".join(WORDS)
ENTRY = ROOT / "tests" / "support" / "visitor_token.ts"


class World(NamedTuple):
    widget: Widget
    function: str  # its address


@pytest.fixture(scope="module")
def world(house_dsn: str) -> Iterator[World]:
    """The function, on the gateway's own database, and Cloudflare's two servers."""
    with (
        stand_in(house_dsn) as project,
        siteverify() as cloudflare,
        turnstile(cloudflare) as widget,
        running_function(
            {
                "SUPABASE_URL": project.url,
                "SUPABASE_SECRET_KEYS": json.dumps({"default": project.secret_key}),
                "TURNSTILE_SECRET": SECRET,
                "SITEVERIFY_STAND_IN": cloudflare.url,
            },
            FUNCTIONS / "visitor-token",
            ENTRY,
        ) as function,
    ):
        yield World(widget, f"{function.url}/visitor-token")


class Site(NamedTuple):
    made: dict[str, Any]
    folder: Path
    page: ChatPage


@pytest.fixture
async def site(house: Up, world: World, chromium: Browser, tmp_path: Path) -> AsyncIterator[Site]:
    world.widget.refuses = False
    world.widget.shown = 0
    origin = new_origin()
    made = await site_key(house, origin, "token", tokens_per_day=200)
    folder = copy(
        "web-turnstile", tmp_path, {CLOUDFLARE: world.widget.url},
        GATEWAY=house.edge, MODEL=MODEL, FUNCTION=world.function, SITE=made["id"], WIDGET="0x4AAA",
    )  # fmt: skip
    with static(folder, origin):
        page = ChatPage(chromium, await chromium.open(origin))
        assert chromium.complaints() == []
        yield Site(made, folder, page)
        await chromium.close(page.session)


async def test_a_person_asks_with_one_proof_until_the_token_ends(
    site: Site, world: World, upstream: FakeUpstream, sql: Sql
) -> None:
    for count in (1, 2):
        await site.page.ask()
        await site.page.shows(TEXT)
        assert len(upstream.chats) == count
        assert world.widget.shown == 1
    await sql(
        "update gateway.visitor_tokens set expires_at = now() where api_key_id = $1::uuid",
        site.made["id"],
    )
    await site.page.ask()
    await site.page.shows(TEXT)
    assert world.widget.shown == 2
    await site.page.ask(question="x" * 300)
    assert "of 200 are left until" in await site.page.shows("", "this visitor's day")
    assert len(upstream.chats) == 3


async def test_a_new_page_of_the_same_address_has_no_new_day(
    site: Site, upstream: FakeUpstream, chromium: Browser
) -> None:
    await site.page.ask()
    await site.page.shows(TEXT)
    origin = await site.page.run("location.origin")
    page = ChatPage(chromium, await chromium.open(origin))  # in a profile of its own
    await page.ask(question="x" * 300)
    told = await page.shows("", "this visitor's day")
    assert f"{200 - PROMPT_TOKENS - len(WORDS)} of 200 are left" in told
    assert len(upstream.chats) == 1


async def test_who_is_taken_for_a_program_gets_no_token(
    site: Site, world: World, upstream: FakeUpstream
) -> None:
    world.widget.refuses = True
    await site.page.ask()
    await site.page.shows("", "Turnstile could not tell that you are a person (300030).")
    world.widget.refuses = False
    await site.page.ask()
    await site.page.shows(TEXT)
    assert len(upstream.chats) == 1


async def test_a_copy_of_the_page_on_another_website_gets_no_token(
    site: Site, upstream: FakeUpstream, chromium: Browser
) -> None:
    with static(site.folder, new_origin()) as elsewhere:
        page = ChatPage(chromium, await chromium.open(elsewhere))
        await page.ask()
        await page.until("!ask.disabled && problem.textContent !== ''")
        assert await page.run("answer.textContent") == ""
    assert upstream.chats == []


async def test_a_token_stolen_from_the_page_is_of_no_use_to_another_website(
    site: Site, house: Up, world: World, upstream: FakeUpstream
) -> None:
    origin = await site.page.run("location.origin")
    asked = {"site": site.made["id"], "turnstile": world.widget.cloudflare.solve(origin)}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        given = await client.post(world.function, json=asked, headers={"Origin": origin})
        assert given.status_code == 201, given.text
        for other in ({"Origin": "https://elsewhere.example"}, {}):
            headers = {**bearer(given.json()["token"]), **other}
            answer = await client.post(
                f"{house.edge}/v1/chat/completions", json=QUESTION, headers=headers
            )
            assert answer.status_code == 403
        again = await client.post(world.function, json=asked, headers={"Origin": origin})
        assert again.status_code == 400  # a proof counts once
    assert upstream.chats == []
