"""The pages as browsers get them: from a real server, and in a real browser where there is one."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.reference.table import ROUTES
from tests.support import browser
from tests.support.bare_gateway import bare_gateway, served
from tests.support.strict_html import StrictPage

pytestmark = pytest.mark.anyio

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = {"/docs", "/openapi.json", "/health"}
HOSTILE_MODEL = "</code><script>alert('1')</script>\" $(id) `id` \\"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway) as address, httpx.AsyncClient(base_url=address) as made:
            yield made


def policy(response: httpx.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (one.partition(" ") for one in directives)}


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc"])
async def test_pages_are_whole_and_ask_for_nothing_from_outside(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path, headers=HTML)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = StrictPage(response.text)
    page.assert_links_lead_somewhere(PATHS)
    assert "base.invalid" not in response.text
    allowed = policy(response)
    assert allowed.pop("style-src") == page.style_hash()
    assert allowed == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_the_reference_has_an_anchor_and_an_example_for_each_route(
    client: httpx.AsyncClient,
) -> None:
    page = StrictPage((await client.get("/docs")).text)
    for route in ROUTES:
        assert route.name in page.ids
        path = re.escape(str(client.base_url).rstrip("/") + route.path)
        path = path.replace(re.escape("{model}"), "[a-z0-9.:-]+")
        pattern = path.replace(re.escape("{id}"), "[0-9a-f-]{36}") + r"(\s|$)"
        assert any(re.search(pattern, code) for code in page.code), route.path


async def test_both_names_of_the_reference_give_the_same_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).text == (await client.get("/redoc")).text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0", ""])
async def test_programs_get_one_line_of_text(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.get("/", headers={"accept": accept})
    assert response.text == "localllm is running\n"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["vary"] == "Accept"


async def test_the_home_page_tells_what_is_away(client: httpx.AsyncClient) -> None:
    text = (await client.get("/", headers=HTML)).text
    assert "Not ready: the model and the key database cannot be reached." in text


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"host": "llm.example.com", "x-forwarded-proto": "https"}, "https://llm.example.com"),
        ({"host": "LLM.example.com:8000"}, "http://llm.example.com:8000"),
        ({"host": "[::1]:8000"}, "http://[::1]:8000"),
        ({"host": "llm.example.com", "x-forwarded-proto": "evil"}, "http://llm.example.com"),
        ({"host": "llm.example.com", "x-forwarded-host": "evil"}, "http://llm.example.com"),
        ({"host": "$(evil)"}, "http://localhost"),
        ({"host": "evil@evil.example"}, "http://localhost"),
        ({"host": "evil.example';evil;'"}, "http://localhost"),
    ],
)
async def test_the_example_names_the_pages_own_host_and_never_a_hostile_one(
    client: httpx.AsyncClient, headers: dict[str, str], address: str
) -> None:
    for path in ("/", "/docs"):
        text = (await client.get(path, headers=HTML | headers)).text
        example = next(code for code in StrictPage(text).code if "chat/completions" in code)
        assert shlex.split(example)[2] == f"{address}/v1/chat/completions"
        assert "evil" not in text


@pytest.mark.parametrize("host", ['evil"><script>alert(1)</script>', "evil/path", "evil evil"])
async def test_a_host_that_is_none_is_refused_before_a_page_sees_it(
    client: httpx.AsyncClient, host: str
) -> None:
    response = await client.get("/", headers=HTML | {"host": host})
    assert response.status_code == 400
    assert "evil" not in response.text


async def test_a_hostile_model_name_is_text_on_the_page_and_in_the_shell(tmp_path: Path) -> None:
    with bare_gateway(tmp_path, HOSTILE_MODEL) as gateway:
        async with served(gateway) as address, httpx.AsyncClient(base_url=address) as client:
            for path in ("/", "/docs"):
                page = StrictPage((await client.get(path, headers=HTML)).text)
                words = shlex.split(next(code for code in page.code if "completions" in code))
                assert json.loads(words[words.index("-d") + 1])["model"] == HOSTILE_MODEL


@pytest.mark.parametrize("edge", [{}, {"cf-ray": "8e0b6c9a1d2f4a5b-LHR"}])
async def test_every_link_on_the_home_page_leads_on_for_who_sees_it(
    client: httpx.AsyncClient, edge: dict[str, str]
) -> None:
    links = StrictPage((await client.get("/", headers=HTML | edge)).text).links
    assert "/health" in links
    assert ("/docs" in links) == (not edge)
    for link in links:
        assert (await client.get(link, headers=edge)).status_code != 404


@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/redoc", "/openapi.json"])
async def test_head_says_what_get_says_without_its_body(
    client: httpx.AsyncClient, path: str
) -> None:
    head, got = await client.head(path), await client.get(path)
    assert head.status_code == got.status_code
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.content == b""


async def test_the_document_is_served_as_json(client: httpx.AsyncClient) -> None:
    response = await client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["openapi"].startswith("3.1.")


async def test_a_real_browser_has_nothing_to_complain_about(client: httpx.AsyncClient) -> None:
    async with browser.Browser(browser.find()) as chromium:
        for page in ("/", "/docs"):
            url = str(client.base_url.join(page))
            light = await chromium.visit(url, 1280, "light")
            dark = await chromium.visit(url, 390, "dark")
            for seen in (light, dark):
                assert seen.requested == [url]
                assert seen.complaints == []
                assert seen.overflow == 0
                assert "localllm" in seen.text
            assert min(light.background) > 200
            assert max(dark.background) < 60
