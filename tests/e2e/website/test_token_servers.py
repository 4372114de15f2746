"""examples/web-token-node and web-token-python: the site's server has the key, and its page gets a
token for each visitor."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.e2e.examples.example_files import environment
from tests.e2e.website.conftest import Sql, site_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import bearer
from tests.support.chat_page import ChatPage
from tests.support.fake_upstream import MODEL, WORDS, FakeUpstream
from tests.support.gateway_process import Running
from tests.support.tunnel.up import Up
from tests.support.website.site import copy, new_origin, port_of

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
TEXT = "".join(WORDS)
SERVERS = {"web-token-node": "node server.mjs", "web-token-python": "python server.py"}


@contextmanager
def started(folder: Path, **environ: str) -> Iterator[Running]:
    """The example's server, by the command of its README."""
    command = SERVERS[folder.name]
    assert f"\n{command}\n" in (folder / "README.md").read_text("utf-8")
    running = Running(["sh", "-c", f"exec {command}"], environment(**environ), folder)
    try:
        yield running
    finally:
        running.kill()


class Site(NamedTuple):
    key: str
    key_id: str
    page: ChatPage
    running: Running
    origin: str


@pytest.fixture(params=SERVERS)
async def site(
    request: pytest.FixtureRequest, house: Up, chromium: Browser, tmp_path: Path
) -> AsyncIterator[Site]:
    """The page in a browser; its server reaches the gateway from outside, as its visitors do."""
    origin = new_origin()
    made = await site_key(house, origin, "token", tokens_per_day=1000)
    folder = copy(request.param, tmp_path, GATEWAY=house.edge, MODEL=MODEL)
    environ = {"LOCALLLM_URL": house.edge, "LOCALLLM_KEY": made["key"]}
    with started(folder, **environ, PORT=str(port_of(origin))) as running:
        await asyncio.to_thread(running.wait_for, re.escape(origin))
        page = ChatPage(chromium, await chromium.open(origin))
        assert chromium.complaints() == []
        yield Site(made["key"], made["id"], page, running, origin)
        await chromium.close(page.session)


async def test_a_visitor_asks_with_tokens_that_are_renewed_and_has_one_day(
    site: Site, upstream: FakeUpstream, sql: Sql
) -> None:
    await site.page.ask()
    await site.page.shows(TEXT)
    await sql(
        "update gateway.visitor_tokens set expires_at = now() where api_key_id = $1::uuid",
        site.key_id,
    )
    await site.page.ask()
    await site.page.shows(TEXT)
    tokens = await sql(
        "select visitor from gateway.visitor_tokens where api_key_id = $1::uuid", site.key_id
    )
    assert len(tokens) == 2
    assert len({token["visitor"] for token in tokens}) == 1
    assert len(upstream.chats) == 2
    await site.page.ask(question="x" * 1000)
    assert "of 1000 are left until" in await site.page.shows("", "this visitor's day")
    assert len(upstream.chats) == 2


async def test_the_key_never_leaves_the_server(
    site: Site, upstream: FakeUpstream, chromium: Browser
) -> None:
    await site.page.ask()
    await site.page.shows(TEXT)
    with httpx.Client(trust_env=False, base_url=site.origin, timeout=60) as client:
        for url in [url for url in chromium.requested() if url.startswith(site.origin)]:
            answer = client.request("POST" if url.endswith("/token") else "GET", url)
            assert answer.status_code == 200, url
            assert site.key not in answer.text
        for path in ("/server.mjs", "/server.py", "/../server.py", "/%2e%2e/server.py"):
            assert client.get(path).status_code == 404
    assert all(site.key not in str(chat.headers) for chat in upstream.chats)


async def test_a_key_that_has_ended_ends_the_tokens_and_the_page_says_so(
    site: Site, house: Up, upstream: FakeUpstream, sql: Sql
) -> None:
    await site.page.ask()
    await site.page.shows(TEXT)
    await sql("update gateway.api_keys set is_active = false where id = $1::uuid", site.key_id)
    await site.page.ask()
    await site.page.shows("", "This website cannot let you ask at the moment.")
    assert len(upstream.chats) == 1
    with httpx.Client(trust_env=False, timeout=60) as client:
        refused = client.get(f"{house.edge}/v1/usage", headers=bearer(site.key))
    assert refused.status_code == 401


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_without_its_settings_says_which(name: str, tmp_path: Path) -> None:
    folder = copy(name, tmp_path, GATEWAY="", MODEL="")
    with started(folder) as running:
        running.wait_for("Set LOCALLLM_URL, such as .*, and LOCALLLM_KEY.")
        assert running.process.wait(60) == 1
