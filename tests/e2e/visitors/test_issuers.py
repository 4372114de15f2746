"""Users of a website's own log-in: their JWT is the key, forged ones reach nobody."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.callers import bearer, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.issuer_thread import issuer_on_a_thread
from tests.support.jwt_issuer import AUDIENCE, IssuerServer, Signer, part
from tests.support.visitors import PAGE, WAYS, Way, ask, key_with, of_issuer, told, used, words

LIMITS = {"tokens_per_day": 10_000}


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def server(signer: Signer) -> Iterator[IssuerServer]:
    with issuer_on_a_thread(signer) as running:
        yield running


@pytest.fixture(scope="module")
def site(gateway: GatewayProcess, server: IssuerServer) -> str:
    """The key in the pages of the website."""
    plans = {"pro": {"tokens_per_day": 500_000}}
    limits = of_issuer(server.issuer, **LIMITS, plans=plans, anonymous={"tokens_per_day": 64})
    return key_with(gateway.url, "issuer", **limits)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.path)
def test_a_jwt_alone_is_the_key_on_routes_of_every_family(
    client: httpx.Client, server: IssuerServer, signer: Signer, site: str, way: Way, stream: bool
) -> None:
    user = f"{way.path} {stream}"
    headers = bearer(signer.token(server.issuer, sub=user))
    assert ask(client, headers, way, stream=stream).status_code == 200
    assert used(client, headers)[0] == 1
    beside = {**headers, "X-API-Key": site, "Origin": PAGE}
    assert ask(client, beside, way, stream=stream).status_code == 200
    assert used(client, headers)[0] == 2
    assert client.get("/v1/models", headers=headers).status_code == 200


def test_a_user_sees_the_own_use_and_limits_only(
    client: httpx.Client, server: IssuerServer, signer: Signer, site: str
) -> None:
    alice, bob = (bearer(signer.token(server.issuer, sub=sub)) for sub in ("alice", "bob"))
    assert told(ask(client, alice)) == (200, "")
    assert used(client, alice) == (1, 16)
    assert used(client, bob) == (0, 0)
    assert client.get("/v1/usage", headers=bob).json()["limits"]["tokens_per_day"] == 10_000


def test_a_plan_of_the_owner_s_counts_and_one_of_the_user_s_own_does_not(
    client: httpx.Client, server: IssuerServer, signer: Signer, site: str
) -> None:
    def limit(**claims: Any) -> int:
        headers = bearer(signer.token(server.issuer, sub="carol", **claims))
        return client.get("/v1/usage", headers=headers).json()["limits"]["tokens_per_day"]

    assert limit() == 10_000
    assert limit(app_metadata={"localllm": "pro"}) == 500_000
    assert limit(app_metadata={"localllm": "no-such"}) == 10_000
    assert limit(user_metadata={"localllm": "pro"}) == 10_000


def test_anonymous_users_at_one_address_share_what_one_of_them_may(
    client: httpx.Client, server: IssuerServer, signer: Signer, site: str
) -> None:
    answers = [
        told(ask(client, bearer(signer.token(server.issuer, sub=f"a{n}", is_anonymous=True))))
        for n in range(6)
    ]
    assert answers[0] == (200, "")
    assert answers[-1] == (429, "visitor_quota")
    assert len([one for one in answers if one[0] == 200]) <= 4  # of 16 tokens each


def _hs256(claims: dict[str, Any], secret: bytes) -> str:
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _forged(server: IssuerServer, signer: Signer) -> dict[str, str]:
    issuer, now = server.issuer, int(time.time())
    claims = {"iss": issuer, "aud": AUDIENCE, "sub": "eve", "exp": now + 600}
    good = signer.token(issuer, sub="eve")
    head, body, signature = good.split(".")
    public = json.dumps(signer.public()).encode()
    return {
        "by another's key": Signer().token(issuer, sub="eve"),
        "by another's key id": Signer("elsewhere").token(issuer, sub="eve"),
        "with another user": f"{head}.{part({**claims, 'sub': 'alice'})}.{signature}",
        "without a signature": f"{head}.{body}.",
        "alg none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.",
        "HS256 by the public key": _hs256(claims, public),
        "expired": signer.token(issuer, sub="eve", exp=now - 60),
        "not valid yet": signer.token(issuer, sub="eve", nbf=now + 600),
        "for another application": signer.token(issuer, sub="eve", aud="another"),
        "of another issuer": signer.token("https://evil.example/auth", sub="eve"),
        "of nobody": signer.token(issuer, sub=None),
        "of a very long name": signer.token(issuer, sub="x" * 5000),
        "of a name with a nul": signer.token(issuer, sub="eve\0"),
        "of a broken name": signer.token(issuer, sub="\ud800"),
        "with a number for a name": signer.token(issuer, sub=7),
        "the site's public key": signer.token(issuer, sub="eve", role="anon"),
        "the site's secret key": signer.token(issuer, sub="eve", role="service_role"),
        "with a key of its own": signer.token(issuer, {"jku": f"{server.place}/x", "kid": "x"}),
    }


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside the site's key"])
def test_what_is_forged_over_or_for_others_is_refused_and_reaches_nobody(
    client: httpx.Client,
    upstream: FakeUpstream,
    server: IssuerServer,
    signer: Signer,
    site: str,
    beside: bool,
) -> None:
    for name, token in _forged(server, signer).items():
        shown = {**bearer(token), **({"X-API-Key": site} if beside else {})}
        for headers in (shown, {**shown, "Origin": PAGE}):
            answer = ask(client, headers)
            assert told(answer) == (401, "invalid_visitor_token"), (name, answer.text)
            assert client.get("/v1/models", headers=headers).status_code == 401, name
            assert client.get("/v1/usage", headers=headers).status_code == 401, name
    assert upstream.chats == []
    assert not any(path.endswith("/x") for path in server.asked)


def test_the_site_s_key_without_a_jwt_lets_nobody_in(
    client: httpx.Client, upstream: FakeUpstream, site: str
) -> None:
    for headers in ({"X-API-Key": site}, {"X-API-Key": site, "Origin": PAGE}, bearer(site)):
        answer = ask(client, headers)
        assert told(answer) == (403, "visitor_token_required")
        assert client.get("/v1/usage", headers=headers).status_code == 403
    assert upstream.chats == []


def test_beside_a_key_without_such_visitors_a_jwt_is_nothing(
    gateway: GatewayProcess, client: httpx.Client, server: IssuerServer, signer: Signer, site: str
) -> None:
    plain = make_key(gateway.url)
    headers = {**bearer(signer.token(server.issuer, sub="dora")), "X-API-Key": plain}
    assert told(ask(client, headers)) == (200, "")
    assert "month" in client.get("/v1/usage", headers=headers).json()
    elsewhere = key_with(gateway.url, "issuer", **of_issuer(f"{server.place}/other"))
    answer = ask(client, {**headers, "X-API-Key": elsewhere})
    assert answer.status_code in {401, 403}, answer.text


def test_while_the_issuer_is_away_known_keys_go_on_and_unknown_issuers_come_later(
    gateway: GatewayProcess, client: httpx.Client, upstream: FakeUpstream
) -> None:
    signer = Signer()
    with issuer_on_a_thread(signer) as server:
        away = f"{server.place}/away"
        first, second = of_issuer(server.issuer), of_issuer(away)
        key_with(gateway.url, "issuer", **first)
        known = bearer(signer.token(server.issuer, sub="alice"))
        asyncio.run(_until_known(client, known))
        key_with(gateway.url, "issuer", **second)
    assert told(ask(client, known)) == (200, "")
    upstream.received.clear()
    unknown = bearer(signer.token(away, sub="alice"))
    asyncio.run(_until_known(client, unknown, status=503))
    answer = ask(client, unknown)
    assert told(answer)[0] == 503, answer.text
    assert "issuer" in words(answer) or "checked" in words(answer)
    assert upstream.chats == []


async def _until_known(client: httpx.Client, headers: dict[str, str], status: int = 200) -> None:
    """The gateway asks for new issuers every few seconds."""
    async with asyncio.timeout(60):
        while ask(client, headers).status_code != status:
            await asyncio.sleep(0.5)


@pytest.mark.parametrize("token", ["eyJ.", "eyJ" + "." * 3000, "eyJ.." + "A" * 9000])
def test_what_only_looks_like_a_token_is_refused_in_words(
    client: httpx.Client, site: str, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}".encode("latin-1")}
    answer = client.get("/v1/models", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_visitor_token")
