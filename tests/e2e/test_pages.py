"""The page at `/` and what the API pages are made of, as browsers get them from a real server."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from gateway import static
from tests.support.bare_gateway import bare_gateway, served
from tests.support.browser import Browser, chromium, one_loop
from tests.support.strict_html import StrictPage

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = {"/console", "/account", "/docs", "/redoc", "/openapi.json", "/health"}
CLOSED = {
    "default-src": "'none'",
    "img-src": "data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HOSTILE_MODEL = "</code><script>alert('1')</script>\" $(id) `id` \\"


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    folder = tmp_path_factory.mktemp("pages")
    with bare_gateway(folder, tunnel_hostname="llm.example.com") as gateway:
        async with (
            served(gateway) as address,
            httpx.AsyncClient(base_url=address, timeout=60) as made,
        ):
            yield made


def policy(response: httpx.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (one.partition(" ") for one in directives)}


async def test_the_home_page_is_whole_and_asks_for_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/", headers=HTML)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = StrictPage(response.text)
    page.assert_links_lead_somewhere(PATHS)
    assert policy(response) == {**CLOSED, "style-src": page.style_hash()}
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_an_api_page_has_no_script_of_its_own_and_lets_in_files_of_this_server_only(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    allowed = policy(response)
    assert "unsafe" not in allowed.pop("style-src")
    assert allowed == {**CLOSED, "script-src": "'self'", "connect-src": "'self'"}
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    for bare in ("<script>", "<style", "style=", "http://", "https://"):
        assert bare not in response.text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_what_an_api_page_loads_is_kept_for_good_and_is_what_it_says(
    client: httpx.AsyncClient, path: str
) -> None:
    urls = re.findall(r'(?:src|href)="(/docs/[^"]+)"', (await client.get(path)).text)
    assert len(urls) >= 2
    for url in urls:
        response = await client.get(url)
        assert response.status_code == 200
        [file] = static.FOLDER.rglob(url.rpartition("/")[2])
        assert response.content == file.read_bytes()
        media = "text/css" if url.endswith(".css") else "text/javascript"
        assert response.headers["content-type"].partition(";")[0] == media
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["x-content-type-options"] == "nosniff"
        etag = response.headers["etag"]
        assert etag == f'"{sha256(response.content).hexdigest()}"'
        again = await client.get(url, headers={"if-none-match": f'"x", W/{etag}'})
        assert (again.status_code, again.content) == (304, b"")
        edge = await client.get(url, headers={"cf-ray": "8e0b6c9a1d2f4a5b-LHR"})
        assert edge.status_code == 404


@pytest.mark.parametrize("name", ["0/docs.js", "0000000000000000/docs.js", "x/vendor", "../app.py"])
async def test_no_other_file_is_served(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/docs/{name}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


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
    ],
)
async def test_the_example_names_the_pages_own_host_and_never_a_hostile_one(
    client: httpx.AsyncClient, headers: dict[str, str], address: str
) -> None:
    text = (await client.get("/", headers=HTML | headers)).text
    [example] = StrictPage(text).code
    assert shlex.split(example)[2] == f"{address}/v1/chat/completions"
    assert "evil" not in text


@pytest.mark.parametrize("host", ["evil@evil.example", "evil.example';evil;'", "evil.example"])
async def test_a_name_of_somebody_else_sees_no_page(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/", headers=HTML | {"host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ['evil"><script>alert(1)</script>', "evil/path", "evil evil"])
async def test_a_host_that_is_none_is_refused_before_a_page_sees_it(
    client: httpx.AsyncClient, host: str
) -> None:
    response = await client.get("/", headers=HTML | {"host": host})
    assert response.status_code == 421
    assert "script" not in response.text and "/path" not in response.text


async def test_a_hostile_model_name_is_text_on_the_page_and_in_the_shell(tmp_path: Path) -> None:
    with bare_gateway(tmp_path, model=HOSTILE_MODEL) as gateway:
        async with (
            served(gateway) as address,
            httpx.AsyncClient(base_url=address, timeout=60) as client,
        ):
            [example] = StrictPage((await client.get("/", headers=HTML)).text).code
            words = shlex.split(example)
            assert json.loads(words[words.index("-d") + 1])["model"] == HOSTILE_MODEL


@pytest.mark.parametrize("edge", [{}, {"cf-ray": "8e0b6c9a1d2f4a5b-LHR"}])
async def test_every_link_on_the_home_page_leads_on_for_who_sees_it(
    client: httpx.AsyncClient, edge: dict[str, str]
) -> None:
    links = StrictPage((await client.get("/", headers=HTML | edge)).text).links
    assert "/health" in links
    assert ("/docs" in links) == (not edge)
    assert ("/console" in links) == (not edge)
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


async def test_a_real_browser_has_nothing_to_complain_about_at_home(
    client: httpx.AsyncClient, chromium: Browser
) -> None:
    url = str(client.base_url.join("/"))
    light = await chromium.visit(url, 1280, "light")
    dark = await chromium.visit(url, 390, "dark")
    for seen in (light, dark):
        assert seen.requested == [url]
        assert seen.complaints == []
        assert seen.overflow == 0
        assert "How to use it" in seen.text
    assert min(light.background) > 200
    assert max(dark.background) < 60
