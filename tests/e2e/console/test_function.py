"""The console with the Supabase function: under a real Deno, at another address than the page."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from tests.support.admin.servers import SECRET, function_environment
from tests.support.bare_gateway import bare_gateway, served
from tests.support.browser import Browser, chromium, one_loop
from tests.support.deno import needs_deno, running_function
from tests.support.page import Page, assert_all_is_well, opened
from tests.support.postgrest.stand_in import stand_in
from tests.support.serving import serving

__all__ = ["chromium", "one_loop"]
pytestmark = [pytest.mark.anyio, needs_deno]


class Project:
    """Supabase's front door: the function is at `/functions/v1/admin`, as its platform has it."""

    def __init__(self) -> None:
        self.url = ""
        self.function = ""

    async def pass_on(self, request: web.Request) -> web.Response:
        path = request.path_qs.removeprefix("/functions/v1")
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        body = await request.read()
        async with (
            ClientSession(auto_decompress=False) as client,
            client.request(
                request.method, self.function + path, headers=headers, data=body
            ) as answer,
        ):
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in ("transfer-encoding", "content-length", "date")
            }
            return web.Response(status=answer.status, headers=kept, body=await answer.read())


@asynccontextmanager
async def front_door() -> AsyncGenerator[Project]:
    project = Project()
    app = web.Application()
    app.router.add_route("*", "/functions/v1/{path:.*}", project.pass_on)
    async with serving(web.AppRunner(app)) as project.url:
        yield project


@pytest.fixture
async def console(database: str, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """The address of the console, whose own gateway has no database; and of the project."""
    async with front_door() as project:
        with (
            bare_gateway(tmp_path, supabase_url=project.url) as gateway,
            stand_in(database) as rest,
        ):
            async with served(gateway) as url:
                environment = function_environment(rest, ADMIN_CORS_ORIGINS=url)
                started: Any = running_function(environment)
                function = await asyncio.to_thread(started.__enter__)
                project.function = function.url
                try:
                    yield url, project.url
                finally:
                    await asyncio.to_thread(started.__exit__, None, None, None)


async def log_in(page: Page) -> None:
    await page.choose("Talk with", "function")
    await page.fill("Admin secret", SECRET)
    await page.press("Enter")


async def test_keys_are_made_and_revoked_there_while_this_machine_has_no_database(
    chromium: Browser, console: tuple[str, str]
) -> None:
    url, project = console
    async with opened(chromium, f"{url}/console") as page:
        await log_in(page)
        await page.says("Keys")
        await page.click("a", "Keys")
        await page.click("button", "New key")
        await page.fill("Name", "made at Supabase")
        await page.click("button", "Make the key")
        await page.says("Copy it now")
        shown = await page.run("document.querySelector('dialog pre').textContent")
        assert f"{url}/v1/chat/completions" in shown  # where this gateway is, not the function
        await page.click("button", "I have it")
        await page.click("button", "Revoke")
        await page.click("button", "Revoke it")
        await page.says("revoked ")
        assert_all_is_well(chromium, url, project)


async def test_what_needs_the_machine_says_so_and_asks_nobody(
    chromium: Browser, console: tuple[str, str]
) -> None:
    url, project = console
    async with opened(chromium, f"{url}/console#/now") as page:
        await log_in(page)
        await page.says("This page needs the gateway itself.")
        await page.click("a", "Health")
        await page.until("document.title.startsWith('Health')")
        await page.says("This page needs the gateway itself.")
        asked = {one.removeprefix(project) for one in chromium.requested() if project in one}
        assert asked == {"/functions/v1/admin/api-keys?limit=1"}
        assert_all_is_well(chromium, url, project)
