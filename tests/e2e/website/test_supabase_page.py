"""examples/web-supabase: the token of the visitor's log-in is the key; no key is in the page."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.e2e.website.conftest import Sql, site_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import QUESTION, bearer
from tests.support.chat_page import ChatPage
from tests.support.fake_upstream import MODEL, WORDS, FakeUpstream
from tests.support.node import packages
from tests.support.tunnel.up import Up
from tests.support.website.site import EXAMPLES, copy, new_origin, static
from tests.support.website.supabase_auth import EMAIL, PASSWORD, SupabaseAuth, supabase_auth

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
NAME = "web-supabase"
TEXT = "".join(WORDS)


class Site(NamedTuple):
    page: ChatPage
    auth: SupabaseAuth
    edge: str

    async def log_in(self, password: str = PASSWORD) -> None:
        await self.page.fill("login", email=EMAIL, password=password)
        await self.page.run("enter.click()")

    async def go_on_without(self) -> None:
        await self.page.run("anonymous.click()")

    async def token(self) -> str:
        """What a thief would find in the browser."""
        [stored] = await self.page.run("Object.values(localStorage)")
        return json.loads(stored)["access_token"]


class Project(NamedTuple):
    auth: SupabaseAuth
    origin: str
    key_id: str


@pytest.fixture(scope="module")
async def project(house: Up, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Project]:
    """One for all tests: tokens of unknown issuers make the gateway look only now and then."""
    origin = new_origin()
    async with supabase_auth() as auth:
        made = await site_key(
            house, origin, "issuer",
            issuer=auth.issuer, audience="authenticated", tokens_per_day=1000,
            anonymous={"tokens_per_day": 200},
        )  # fmt: skip
        folder = copy(
            NAME, tmp_path_factory.mktemp("site"),
            GATEWAY=house.edge, MODEL=MODEL, SUPABASE=auth.url, PUBLISHABLE_KEY="sb_publishable_x",
        )  # fmt: skip
        shutil.copy(built(), folder)
        with static(folder, origin):
            yield Project(auth, origin, made["id"])


@pytest.fixture
async def site(house: Up, project: Project, chromium: Browser, sql: Sql) -> AsyncIterator[Site]:
    """A new visitor, on a new day."""
    await sql("delete from gateway.visitor_counters where api_key_id = $1::uuid", project.key_id)
    page = ChatPage(chromium, await chromium.open(project.origin))
    assert chromium.complaints() == []
    yield Site(page, project.auth, house.edge)
    await chromium.close(page.session)


def built() -> Path:
    """The file of the package that the README says to copy."""
    readme = (EXAMPLES / NAME / "README.md").read_text("utf-8")
    [path] = re.findall(r"^cp node_modules/(\S+) \.$", readme, re.MULTILINE)
    return packages(EXAMPLES / NAME) / path


async def test_a_visitor_who_has_logged_in_asks_and_one_who_logs_out_cannot(
    site: Site, upstream: FakeUpstream
) -> None:
    await site.page.ask()
    await site.page.shows("", "Log in first.")
    await site.log_in("wrong")
    await site.page.until("problem.textContent === 'Invalid login credentials'")
    await site.log_in()
    await site.page.until(f"!who.hidden && login.hidden && who.innerText.includes('{EMAIL}')")
    await site.page.ask()
    await site.page.shows(TEXT)
    assert len(upstream.chats) == 1
    await site.page.run("leave.click()")
    await site.page.until("!login.hidden && who.hidden")
    await site.page.ask()
    await site.page.shows("", "Log in first.")
    assert len(upstream.chats) == 1


async def test_a_visitor_without_an_account_has_the_smaller_day(
    site: Site, upstream: FakeUpstream
) -> None:
    await site.go_on_without()
    await site.page.until("!who.hidden")
    await site.page.ask()
    await site.page.shows(TEXT)
    await site.page.ask(question="x" * 300)
    assert "of 200 are left until" in await site.page.shows("", "this visitor's day")
    assert len(upstream.chats) == 1


async def test_new_sign_ins_without_an_account_from_one_address_share_one_day(
    site: Site, upstream: FakeUpstream
) -> None:
    for count in (1, 2):
        await site.go_on_without()
        await site.page.until("!who.hidden")
        await site.page.ask()
        await site.page.shows(TEXT)
        assert len(upstream.chats) == count
        await site.page.run("leave.click()")
        await site.page.until("!login.hidden")
    await site.go_on_without()
    await site.page.until("!who.hidden")
    await site.page.ask(question="x" * 160)  # which fits into a whole day
    await site.page.shows("", "this visitor's day")
    assert len(upstream.chats) == 2


async def test_a_token_that_has_expired_is_renewed(site: Site, upstream: FakeUpstream) -> None:
    site.auth.lifetime = -3600  # as if the visitor's clock were wrong
    await site.log_in()
    await site.page.until("!who.hidden")
    await site.page.ask()
    await site.page.shows(TEXT)
    assert site.auth.refreshes == 1
    assert len(upstream.chats) == 1


async def test_a_token_stolen_from_the_browser_is_worth_that_visitor_s_day(
    site: Site, upstream: FakeUpstream
) -> None:
    await site.log_in()
    await site.page.until("!who.hidden")
    token = await site.token()
    async with httpx.AsyncClient(trust_env=False, base_url=site.edge, timeout=60) as client:

        async def ask(model: str = MODEL, size: int = 10, **headers: str) -> httpx.Response:
            messages = [{"role": "user", "content": "x" * size}]
            body = {**QUESTION, "model": model, "messages": messages, "max_tokens": 8}
            shown = {**bearer(token), **headers}
            return await client.post("/v1/chat/completions", json=body, headers=shown)

        refused = await ask(size=1000)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "visitor_quota")
        assert (await ask(Origin="https://elsewhere.example")).status_code == 403
        assert (await ask("other:latest")).status_code == 403
        assert (await client.get("/v1/models", headers=bearer(token))).status_code == 403
        whole = await ask()
        assert whole.status_code == 200
    assert len(upstream.chats) == 1
