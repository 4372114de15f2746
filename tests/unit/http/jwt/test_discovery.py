"""Where an issuer has its keys: its own document says, or the usual place has them."""

from typing import Any

import pytest
from aiohttp import web

from gateway.http.jwt import fetching
from gateway.http.jwt.fetching import fetch_keys_of
from gateway.http.jwt.public_keys import KeysUnavailable
from tests.support.jwt_issuer import IssuerServer, Signer
from tests.unit.http.jwt.conftest import World

pytestmark = pytest.mark.anyio
DOCUMENT = "/auth/v1/.well-known/openid-configuration"
KEYS = "/auth/v1/.well-known/jwks.json"


@pytest.fixture
def server(world: World) -> IssuerServer:
    return world.server


async def test_without_a_document_the_usual_place_has_the_keys(server: IssuerServer):
    assert list(await fetch_keys_of(server.issuer)) == ["first"]
    assert server.asked == [DOCUMENT, KEYS]


async def test_a_document_names_the_place(server: IssuerServer):
    server.documents["/certs"] = {"keys": [Signer("second").public()]}
    server.documents[DOCUMENT] = {"issuer": server.issuer, "jwks_uri": f"{server.place}/certs"}
    assert list(await fetch_keys_of(server.issuer)) == ["second"]
    assert server.asked == [DOCUMENT, "/certs"]


async def test_an_issuer_that_ends_with_a_slash_is_found_and_stays_itself(server: IssuerServer):
    issuer = f"{server.issuer}/"
    assert list(await fetch_keys_of(issuer)) == ["first"]
    server.documents[DOCUMENT] = {"issuer": server.issuer, "jwks_uri": f"{server.place}{KEYS}"}
    with pytest.raises(KeysUnavailable, match="its document is of"):
        await fetch_keys_of(issuer)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://other.example", "jwks_uri": "https://other.example/keys"},
        {"issuer": "{issuer}", "jwks_uri": "http://169.254.169.254/latest"},
        {"issuer": "{issuer}", "jwks_uri": "http://127.0.0.1:9/keys"},
        {"issuer": "{issuer}", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "{issuer}", "jwks_uri": "https://user:word@127.0.0.1/keys"},
        {"issuer": "{issuer}", "jwks_uri": "https://["},
        {"issuer": "{issuer}", "jwks_uri": ""},
    ],
)
async def test_a_document_that_leads_astray_is_not_followed(
    server: IssuerServer, document: dict[str, str]
):
    server.documents[DOCUMENT] = {
        name: text.replace("{issuer}", server.issuer) for name, text in document.items()
    }
    with pytest.raises(KeysUnavailable, match="its document"):
        await fetch_keys_of(server.issuer)
    assert server.asked == [DOCUMENT]


@pytest.mark.parametrize("document", [{"jwks_uri": 1}, {}, [], "x"])
async def test_what_is_no_document_is_passed_over(server: IssuerServer, document: Any):
    server.documents[DOCUMENT] = document
    assert list(await fetch_keys_of(server.issuer)) == ["first"]


async def test_an_issuer_that_is_broken_has_no_keys_now(server: IssuerServer):
    server.documents[DOCUMENT] = web.Response(status=500)
    with pytest.raises(KeysUnavailable, match="answered 500"):
        await fetch_keys_of(server.issuer)


async def test_a_redirect_is_not_followed(server: IssuerServer):
    target = f"{server.place}/certs"
    server.documents["/certs"] = {"keys": [Signer("second").public()]}
    server.documents[KEYS] = web.Response(status=302, headers={"Location": target})
    with pytest.raises(KeysUnavailable, match="answered 302"):
        await fetch_keys_of(server.issuer)
    assert "/certs" not in server.asked


async def test_a_set_of_keys_without_end_is_not_read_whole(server: IssuerServer):
    """Read whole it would take until the time is over."""
    server.documents[DOCUMENT] = {"issuer": server.issuer, "jwks_uri": f"{server.place}/flood"}
    with pytest.raises(KeysUnavailable, match="too large"):
        await fetch_keys_of(server.issuer)


async def test_a_set_of_keys_of_10_mb_is_refused(server: IssuerServer):
    server.body = b'{"keys":[' + b" " * 10_000_000 + b"]}"
    with pytest.raises(KeysUnavailable, match="too large"):
        await fetch_keys_of(server.issuer)


async def test_an_issuer_that_is_slow_is_not_waited_for(
    server: IssuerServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetching, "_SECONDS", 0.05)
    server.passing.clear()
    try:
        with pytest.raises(KeysUnavailable, match="no answer in time"):
            await fetch_keys_of(server.issuer)
    finally:
        server.passing.set()
