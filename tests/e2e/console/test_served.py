"""The console as browsers get it: its policy, its files, and who may not have it."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.bare_gateway import bare_gateway, served

pytestmark = pytest.mark.anyio

FUNCTION = "https://ref.supabase.co/functions/v1/admin"
FORWARDED = {"cf-connecting-ip": "203.0.113.7", "cf-ray": "1"}


@pytest.fixture
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    with bare_gateway(tmp_path_factory.mktemp("console")) as gateway:
        async with (
            served(gateway) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as made,
        ):
            yield made


def policy(answer: httpx.Response) -> dict[str, str]:
    directives = answer.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (one.partition(" ") for one in directives)}


async def test_the_page_lets_in_files_of_this_server_only_and_has_no_script_of_its_own(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/console")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert policy(answer) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)


async def test_each_file_is_kept_for_good_and_asked_for_once(client: httpx.AsyncClient) -> None:
    text = (await client.get("/console")).text
    urls = re.findall(r'(?:src|href)="(/[^"]+)"', text)
    assert len(urls) > 15
    for url in urls:
        answer = await client.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")
        again = await client.get(url, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_what_is_no_file_of_the_console_is_not_there(client: httpx.AsyncClient) -> None:
    [main] = re.findall(r'src="(/[^"]+)"', (await client.get("/console")).text)
    base = main.removesuffix("/console/main.js")
    for path in ("/console/index.html", "/policy.py", "/deno.json", "/console/lib"):
        assert (await client.get(base + path)).status_code == 404, path
    assert (await client.get(f"/console/{'0' * 16}/console/main.js")).status_code == 404


async def test_it_is_closed_to_the_tunnel_as_the_routes_are_that_it_asks(
    client: httpx.AsyncClient,
) -> None:
    text = (await client.get("/console")).text
    for path in ("/console", *re.findall(r'src="(/[^"]+)"', text)):
        answer = await client.get(path, headers=FORWARDED)
        assert answer.status_code == 403
        assert "ADMIN_THROUGH_TUNNEL" in answer.text


async def test_the_owner_can_open_it_to_the_tunnel(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("open")
    with bare_gateway(folder, admin_through_tunnel=True) as gateway:
        async with served(gateway) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
            assert (await client.get("/console", headers=FORWARDED)).status_code == 200


async def test_it_may_ask_the_function_of_the_owners_project_and_no_other(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("project")
    with bare_gateway(folder, supabase_url="https://ref.supabase.co") as gateway:
        async with served(gateway) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
            answer = await client.get("/console")
    assert policy(answer)["connect-src"] == f"'self' {FUNCTION}/"
    assert f'<meta name="function" content="{FUNCTION}">' in answer.text
