"""The example of a web page in a real Chromium: it streams, says what is wrong, and can be stopped.

The page and the gateway are of different origins, as a website and its gateway are.
"""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.core.error_kinds import KINDS
from tests.e2e.examples import behaviours
from tests.e2e.examples.example_files import EXAMPLES, PAGE, environment
from tests.support.books import Books
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import counted, make_key
from tests.support.chat_page import ChatPage
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream
from tests.support.gateway_process import free_port
from tests.support.patience import AT_ONCE

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
TEXT = "".join(WORDS)
STOP = "document.getElementById('stop').click()"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The page's origin, served as the README says, on a port of its own."""
    port = free_port()
    command = PAGE.command.replace("8080", str(port))
    assert command != PAGE.command
    server = subprocess.Popen(
        ["sh", "-c", f"exec {command}"],
        cwd=EXAMPLES,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


class Page(ChatPage):
    async def question(self, url: str, key: str) -> None:
        await self.ask(url=url, key=key, model=MODEL)


@pytest.fixture
async def page(site: str, chromium: Browser) -> AsyncIterator[Page]:
    await _listening(site)
    session = await chromium.open(site)
    assert chromium.complaints() == []
    yield Page(chromium, session)
    await chromium.close(session)


async def _listening(site: str) -> None:
    """Until the server of the page answers."""
    _, _, port = site.rpartition(":")
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", int(port))
            except OSError:
                await asyncio.sleep(0.01)  # a look at what another process does, no timing
            else:
                writer.close()
                return await writer.wait_closed()


async def test_it_shows_an_answer_while_it_comes_and_it_is_counted_exactly(
    upstream: FakeUpstream, gateway: GatewayProcess, site: str, page: Page
) -> None:
    gate = upstream.gate()

    async def halting(exchange: Exchange) -> None:
        await behaviours.begin(exchange)
        await gate.passed()
        await behaviours.go_on(exchange)
        await behaviours.finish(exchange)

    upstream.behave = halting
    key = await asyncio.to_thread(make_key, gateway.url, allowed_origins=[site])
    await page.question(f"{gateway.url}/", key)
    await page.shows(TEXT, busy=True)
    gate.open()
    await page.shows(TEXT + TEXT)
    told = await asyncio.to_thread(counted, gateway.url, key)
    assert told == (1, PROMPT_TOKENS, len(WORDS))
    [chat] = upstream.chats
    assert chat.json["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]
    assert not {"origin", "referer"} & {name for name, _ in chat.headers}


async def test_what_a_model_says_is_text_and_never_markup(
    upstream: FakeUpstream, gateway: GatewayProcess, page: Page, key: str
) -> None:
    hostile = '<img src="x" onerror="document.title = 1">'

    async def attack(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words((hostile,))
        await exchange.usage()

    upstream.behave = attack
    await page.question(gateway.url, key)
    await page.shows(hostile)
    assert await page.run("answer.children.length") == 0


async def test_it_says_why_there_is_no_answer(
    upstream: FakeUpstream, gateway: GatewayProcess, page: Page, key: str
) -> None:
    await page.question(gateway.url, "llm_" + "0" * 26)
    await page.shows("", KINDS["malformed_api_key"].text)
    foreign = await asyncio.to_thread(
        make_key, gateway.url, allowed_origins=["https://elsewhere.example"]
    )
    await page.question(gateway.url, foreign)
    await page.shows("", "this website.")
    await page.question(f"http://127.0.0.1:{free_port()}", key)
    await page.shows("", "It cannot be reached")
    assert upstream.chats == []
    await page.question(gateway.url, key)  # and what was wrong is forgotten
    await page.shows(TEXT)


@pytest.mark.parametrize("how", ["cut", "ended early", "crashed"])
async def test_an_answer_that_breaks_off_is_said_to_be_broken(
    upstream: FakeUpstream, gateway: GatewayProcess, page: Page, key: str, how: str
) -> None:
    async def break_off(exchange: Exchange) -> None:
        await behaviours.break_off(exchange, how)

    upstream.behave = break_off
    await page.question(gateway.url, key)
    await page.shows(TEXT, "The model stopped before its answer was complete.")


@pytest.mark.parametrize("way", [STOP, "location.reload()"])
async def test_a_person_who_stops_it_or_leaves_frees_the_model_and_pays_for_what_was_seen(
    upstream: FakeUpstream, gateway: GatewayProcess, page: Page, shared_dsn: str, way: str
) -> None:
    never = upstream.gate()

    async def endless(exchange: Exchange) -> None:
        await behaviours.begin(exchange)
        await never.passed()

    upstream.behave = endless
    books = Books(shared_dsn)
    await page.question(gateway.url, await books.make_key())
    await page.shows(TEXT, busy=True)
    left = time.monotonic()
    await page.run(way)
    await asyncio.to_thread(upstream.wait_until, lambda: upstream.chats[0].gone)
    assert time.monotonic() - left < AT_ONCE
    if way == STOP:
        await page.shows(TEXT)
    [row] = (await books.settled(1)).values()
    assert (row.status, row.usage_source) == ("client_gone", "estimated")
    assert row.completion_tokens == len(WORDS)


async def test_its_policy_lets_nothing_in_from_elsewhere(page: Page) -> None:
    script = "Object.assign(document.createElement('script'), { textContent: 'window.in = 1' })"
    await page.run(f"document.head.append({script})")
    assert await page.run("window.in === undefined")
    image = "Object.assign(new Image(), { src: 'http://127.0.0.1:9/x.png' }).decode()"
    assert await page.run(f"{image}.then(() => 'loaded', () => 'refused')") == "refused"
