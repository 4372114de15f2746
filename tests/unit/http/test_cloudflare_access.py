"""Cloudflare Access: nothing comes in through the tunnel but what the team's keys have signed."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import gateway.http.cloudflare_access
from gateway.config.settings import Settings
from gateway.http.cloudflare_access import HEADER, Access
from gateway.http.jwt.claims import LEEWAY
from gateway.http.jwt.fetching import fetch_keys
from gateway.http.jwt.key_sets import FRESH, PAUSE
from gateway.http.jwt.tokens import LONGEST
from gateway.http.middleware import Middleware
from tests.support.access_team import AUDIENCE, ISSUER, Certs, Key, published
from tests.support.steady_clock import Clock

pytestmark = pytest.mark.anyio
KEY = Key("first")


@pytest.fixture
async def certs() -> AsyncIterator[Certs]:
    async with published(KEY) as certs:
        yield certs


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(certs: Certs, clock: Clock) -> Access:
    return Access(ISSUER, (AUDIENCE,), certs.url, clock)


async def said(access: Access, token: str | bytes | None) -> str:
    """The reason and detail of the refusal; empty for one that was let in."""
    given = token.encode() if isinstance(token, str) else token
    refusal = await access.refusal({} if given is None else {HEADER: given})
    return "" if refusal is None else f"{refusal.kind.status} {refusal.message}"


def unsigned(header: object, claims: object, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_a_token_of_the_team_for_the_application_is_let_in(access: Access):
    assert await said(access, KEY.token()) == ""
    assert await said(access, KEY.token(aud=AUDIENCE)) == ""
    assert await said(access, KEY.token(aud=["other", AUDIENCE])) == ""
    assert await said(access, KEY.token(nbf=None, iat=None)) == ""
    assert await said(access, KEY.token(sub="", common_name="service.access")) == ""


async def test_no_token_is_refused_without_asking_for_keys(access: Access, certs: Certs):
    assert "403" in await said(access, None)
    assert "did not come through Cloudflare Access" in await said(access, b"")
    assert certs.asked == 0


NOW = int(time.time())  # when the tests were collected, which may be long ago


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": NOW - LEEWAY - 1}, "has expired"),
        ({"exp": None}, "is not valid"),
        ({"exp": "soon"}, "is not valid"),
        ({"nbf": NOW + 10**6}, "is not valid"),
        ({"aud": ["another"]}, "is for another application"),
        ({"aud": []}, "is not valid"),
        ({"aud": None}, "is not valid"),
        ({"aud": {AUDIENCE: 1}}, "is for another application"),
        ({"iss": "https://other.cloudflareaccess.com"}, "is not valid"),
        ({"iss": None}, "is not valid"),
        ({"iss": [ISSUER]}, "is not valid"),
    ],
)
async def test_a_token_that_says_something_else_is_refused(
    access: Access, claims: dict[str, object], why: str
):
    told = await said(access, KEY.token(**claims))
    assert told.startswith("403 This request was refused")
    assert why in told


async def test_only_the_signature_of_the_teams_keys_counts(access: Access):
    claims = {"aud": AUDIENCE, "iss": ISSUER, "exp": NOW + 10**6}
    public = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    head = unsigned({"alg": "HS256", "typ": "JWT", "kid": "first"}, claims).rpartition(".")[0]
    forged = hmac.sign(head.encode(), public)  # the public key, used as a shared secret
    signature = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    tokens = {
        "none": unsigned({"alg": "none", "kid": "first"}, claims),
        "None": unsigned({"alg": "None", "kid": "first"}, claims, b"x"),
        "HS256": f"{head}.{signature}",
        "RS512": jwt.encode(claims, KEY.private, "RS512", {"kid": "first"}),
        "PS256": jwt.encode(claims, KEY.private, "PS256", {"kid": "first"}),
        "another's key": Key("first").token(),
        "its own key": Key("x").token(headers={"kid": "first", "jwk": Key("x").public()}),
        "changed": KEY.token()[:-6] + "AAAAAA",
    }
    for name, token in tokens.items():
        assert (await said(access, token)).startswith("403 "), name
    assert await said(access, KEY.token()) == ""


@pytest.mark.parametrize(
    "garbage",
    [
        *(b"x", b"..", b"a.b.c", b"\xff\xfe.\xff.\xff", b"Bearer x", b"\0" * 100, b"e30.e30.e30"),
        b"x" * (LONGEST + 1),
        base64.urlsafe_b64encode(b"[" * 5000) + b".e30.e30",
        base64.urlsafe_b64encode(b'{"alg":"RS256","kid":' + b"[" * 5000) + b".e30.e30",
        base64.urlsafe_b64encode(b'{"alg":"RS256","kid":["first"]}') + b".e30.e30",
        base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"first"}') + b".W1td." + b"e30",
    ],
)
async def test_garbage_is_refused_and_nothing_breaks(access: Access, garbage: bytes):
    assert (await said(access, garbage)).startswith("403 ")
    assert await said(access, KEY.token()) == ""


async def test_a_new_key_is_fetched_when_it_is_first_seen(
    access: Access, certs: Certs, clock: Clock
):
    assert await said(access, KEY.token()) == ""
    second = Key("second")
    certs.keys = [second]
    clock.now += PAUSE + 1
    assert await said(access, second.token()) == ""
    assert "unknown signature" in await said(access, KEY.token())  # withdrawn
    assert certs.asked == 2


async def test_unknown_keys_let_them_be_fetched_once_in_a_few_seconds_at_most(
    access: Access, certs: Certs, clock: Clock
):
    strangers = [Key(f"unknown-{number}").token() for number in range(3)]
    for _ in range(5):
        for token in strangers:
            assert "unknown signature" in await said(access, token)
        clock.now += PAUSE / 10
    assert certs.asked == 1
    clock.now += PAUSE
    await said(access, strangers[0])
    assert certs.asked == 2


async def test_all_who_come_at_once_wait_for_one_fetch(access: Access, certs: Certs):
    certs.passing.clear()
    waiting = [asyncio.create_task(said(access, KEY.token())) for _ in range(20)]
    while not certs.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()  # one who leaves takes nothing from the others
    certs.passing.set()
    assert await asyncio.gather(*waiting[1:]) == [""] * 19
    assert certs.asked == 1


async def test_known_keys_go_on_while_no_new_ones_can_be_had(
    access: Access, certs: Certs, clock: Clock, caplog: pytest.LogCaptureFixture
):
    assert await said(access, KEY.token()) == ""
    certs.status = 500
    clock.now += FRESH + 1
    assert await said(access, KEY.token()) == ""  # asks for new ones, and does not wait
    assert (await said(access, Key("second").token())).startswith("503 ")
    assert await said(access, KEY.token()) == ""
    assert "answered 500; those known go on" in caplog.text


async def test_withdrawn_keys_end_within_the_hour(access: Access, certs: Certs, clock: Clock):
    assert await said(access, KEY.token()) == ""
    certs.keys = [Key("second")]
    clock.now += FRESH + 1
    assert await said(access, KEY.token()) == ""  # asks for new ones, and does not wait
    assert access._keys._fetching is not None
    await access._keys._fetching
    assert "unknown signature" in await said(access, KEY.token())


async def test_through_the_edge_a_token_lets_in_and_an_expired_one_does_not(access: Access):
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def status(token: str) -> int:
        answers: list[Any] = []

        async def send(message: Any) -> None:
            answers.append(message)

        headers = [(b"host", b"h"), (b"cf-ray", b"x"), (HEADER, token.encode())]
        scope = {"type": "http", "method": "GET", "path": "/health", "headers": headers}
        await edge(scope, None, send)
        return answers[0]["status"]

    edge = Middleware(app, Settings(), lambda: True)
    edge._access = access
    assert await status(KEY.token()) == 200
    assert await status(KEY.token(exp=NOW - LEEWAY - 1)) == 403
    assert reached == ["/health"]


async def test_what_verifies_tokens_is_installed_only_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
):
    installed: list[str] = []

    class Missing:
        def is_installed(self) -> bool:
            return False

        async def install(self) -> None:
            installed.append("access")

    monkeypatch.setattr(gateway.http.cloudflare_access, "JWT", Missing())
    await gateway.http.cloudflare_access.install_if_needed(Settings())
    assert installed == []
    locked = Settings(access_team="t.cloudflareaccess.com", access_audience=(AUDIENCE,))
    await gateway.http.cloudflare_access.install_if_needed(locked)
    assert installed == ["access"]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[" * 100_000, b'{"keys":[]}', b'{"keys":[{"kid":"first","kty":"RSA"}]}',
     b'{"keys":[{"kid":"first","kty":"oct","k":"AAAA","alg":"HS256"}]}', b"x" * 300_000],
)  # fmt: skip
async def test_without_usable_keys_nobody_is_let_in_and_that_is_no_fault_of_theirs(
    access: Access, certs: Certs, clock: Clock, body: bytes
):
    certs.body = body
    refusal = await access.refusal({HEADER: KEY.token().encode()})
    assert refusal is not None
    assert refusal.kind.status == 503
    assert refusal.retry_after_ms == PAUSE * 1000 + 1  # just as long as until the next try
    clock.now += PAUSE - 1
    later = await access.refusal({HEADER: KEY.token().encode()})
    assert later is not None
    assert later.retry_after_ms == 1001
    certs.body = None
    clock.now += 2
    assert await said(access, KEY.token()) == ""


async def test_a_server_of_keys_that_is_away_lets_nobody_in():
    access = Access(ISSUER, (AUDIENCE,), "http://127.0.0.1:9/certs")
    assert (await said(access, KEY.token())).startswith("503 ")


async def test_a_weak_key_is_not_used(certs: Certs):
    certs.keys = [Key("weak", 1024), KEY]
    assert list(await fetch_keys(certs.url)) == ["first"]
