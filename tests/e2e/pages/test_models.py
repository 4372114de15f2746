"""The console's page Models, on a real gateway before a model server to command."""

from collections.abc import Iterator

import pytest

from tests.support.axe.check import barriers
from tests.support.browser import Browser, chromium, one_loop
from tests.support.console_page import HOSTILE, console
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.page import SIZES, assert_all_is_well

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
GIB = 1024**3
LAYER = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def hostile(upstream: FakeUpstream) -> Iterator[None]:
    """A model whose name is a script. Tests of other files share the upstream: they see none."""
    before = upstream.models
    upstream.models = [*before, {"name": HOSTILE, "model": HOSTILE, "size": 5 * GIB}]
    yield
    upstream.models = before


async def test_what_is_installed_and_in_memory_is_listed(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    async with console(chromium, gateway.url, "models") as page:
        await page.says(MODEL)
        await page.says("onerror")
        await page.says("5 GiB")
        assert await page.run("typeof hit") == "undefined"
        assert_all_is_well(chromium, gateway.url)


async def test_a_model_is_unloaded_and_loaded(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    upstream.loaded = [{"name": MODEL, "model": MODEL, "size": GIB, "size_vram": GIB}]
    try:
        async with console(chromium, gateway.url, "models") as page:
            await page.says("1 GiB on the graphics card")
            upstream.loaded = []
            await page.run(f"document.querySelector('[aria-label=\"Unload {MODEL}\"]').click()")
            await page.says(f"{MODEL} is out of memory.")
            asked = [one.json for one in upstream.received if one.target == "/api/generate"]
            assert asked[-1]["keep_alive"] == 0
            upstream.loaded = [{"name": MODEL, "model": MODEL, "size": GIB, "size_vram": 0}]
            await page.run(f"document.querySelector('[aria-label=\"Load {MODEL}\"]').click()")
            await page.says(f"{MODEL} is in memory.")
            await page.says("1 GiB in the memory of the processor")
    finally:
        upstream.loaded = None


async def test_a_download_is_shown_as_it_comes(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    gate = upstream.gate()

    async def slow(exchange: Exchange) -> None:
        await exchange.head("application/x-ndjson")
        line = '{"status":"pulling aaaa","digest":"%s","total":%d,"completed":%d}\n'
        await exchange.send((line % (LAYER, 4 * GIB, GIB)).encode())
        await gate.passed()
        await exchange.send(b'{"status":"success"}\n')
        await exchange.end()

    upstream.pull = slow
    async with console(chromium, gateway.url, "models") as page:
        await page.fill("Name", "downloaded")
        await page.click("form button", "Download")
        await page.says("1 GiB of 4 GiB")
        await page.says("25 %")
        gate.open()
        await page.says("is here.")
        assert_all_is_well(chromium, gateway.url)


async def test_a_download_that_fails_says_why(
    chromium: Browser, gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    async def fail(exchange: Exchange) -> None:
        await exchange.head("application/x-ndjson")
        await exchange.send(b'{"error":"pull model manifest: file does not exist"}\n')
        await exchange.end()

    upstream.pull = fail
    async with console(chromium, gateway.url, "models") as page:
        await page.fill("Name", "not-there")
        await page.click("form button", "Download")
        await page.says("not-there")
        await page.until("Boolean(document.querySelector('.problem'))")
        await page.click("form button", "Download")  # it can be tried again


async def test_it_fits_and_keeps_nobody_out(chromium: Browser, gateway: GatewayProcess) -> None:
    async with console(chromium, gateway.url, "models", width=SIZES[0]) as page:
        await page.says(MODEL)
        assert await barriers(page) == {}
