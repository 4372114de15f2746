"""How `/account` is served: to everybody, also through the tunnel, with nothing in it of others."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.bare_gateway import bare_gateway, served
from tests.support.behind_a_tunnel import MARKS
from tests.support.browser import one_loop

__all__ = ["one_loop"]
pytestmark = pytest.mark.anyio
TUNNEL = "llm.example.com"
OUTSIDE = {"host": TUNNEL, **dict(one.split(": ", 1) for one in MARKS)}
OUTSIDE["x-forwarded-proto"] = "https"


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    folder = tmp_path_factory.mktemp("account")
    with bare_gateway(folder, tunnel_hostname=TUNNEL, allowed_hosts=("other.example",)) as gateway:
        async with (
            served(gateway) as address,
            httpx.AsyncClient(base_url=address, timeout=60) as made,
        ):
            yield made


@pytest.mark.parametrize("headers", [{}, OUTSIDE], ids=["near", "outside"])
async def test_it_and_all_that_it_loads_is_served_under_a_policy_that_lets_nothing_else_in(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    page = await client.get("/account", headers=headers)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for bare in ("<script>", "<style", "style=", "https://cdn", "onload"):
        assert bare not in page.text
    urls = re.findall(r'(?:src|href)="(/account/[^"]+)"', page.text)
    assert len(urls) > 20
    for url in urls:
        file = await client.get(url, headers=headers)
        assert file.status_code == 200, url
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_owners_pages_are_not_among_its_files(client: httpx.AsyncClient) -> None:
    page = (await client.get("/account")).text
    [base] = set(re.findall(r'"(/account/[0-9a-f]{16})/', page))
    for name in ("console/main.js", "console/pages/keys.js", "console/usage/keys.js", "../app.py"):
        assert (await client.get(f"{base}/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, f"https://{TUNNEL}"),  # who is near gets the address that leads here from everywhere
        ({"host": "localhost:8000"}, f"https://{TUNNEL}"),
        (OUTSIDE, f"https://{TUNNEL}"),
        ({"host": "other.example"}, "http://other.example"),  # and is told of no other name
        ({"host": "other.example", "x-forwarded-proto": "https"}, "https://other.example"),
    ],
)
async def test_programs_are_given_the_public_address(
    client: httpx.AsyncClient, headers: dict[str, str], address: str
) -> None:
    page = (await client.get("/account", headers=headers)).text
    assert re.findall(r'<meta name="address" content="([^"]*)">', page) == [address]


async def test_without_a_tunnel_programs_are_given_the_readers_address(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with bare_gateway(tmp_path_factory.mktemp("bare")) as gateway:
        async with (
            served(gateway) as address,
            httpx.AsyncClient(base_url=address, timeout=60) as client,
        ):
            assert f'content="{address}"' in (await client.get("/account")).text
