"""A visitor at the limit tries to be somebody else, or nobody, and stays who it is."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator

import httpx
import pytest

from gateway.core import keys
from tests.support.callers import admin, bearer, make_keys
from tests.support.crowd import crowd, spends
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.issuer_thread import issuer_on_a_thread
from tests.support.jwt_issuer import IssuerServer, Signer
from tests.support.visitors import PAGE, ask, key_with, mint, of_issuer, told, used

ONCE = {"requests_per_min": 1}
LIMIT = (429, "visitor_rate_limit_exceeded")


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def server(signer: Signer) -> Iterator[IssuerServer]:
    with issuer_on_a_thread(signer) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def site_of_users(gateway: GatewayProcess, server: IssuerServer) -> str:
    """The key of a website with a log-in, which is there before anybody shows a JWT."""
    return key_with(gateway.url, "issuer", **of_issuer(server.issuer, **ONCE))


def test_one_token_in_any_header_and_beside_anything_is_one_visitor(
    gateway: GatewayProcess,
    client: httpx.Client,
    upstream: FakeUpstream,
    server: IssuerServer,
    signer: Signer,
) -> None:
    site = key_with(gateway.url, "token", **ONCE)
    token = mint(gateway.url, site, "alice")
    user = signer.token(server.issuer, sub="alice")
    over = mint(gateway.url, key_with(gateway.url, "token", **ONCE), "alice", uses=1)
    assert told(ask(client, bearer(over))) == told(ask(client, bearer(token))) == (200, "")
    made_up = keys.make_key("llm")
    for headers in (
        {"X-API-Key": token},
        {"api-key": token},
        {"Authorization": token},
        {"Authorization": "Basic " + b64encode(f"x:{token}".encode()).decode()},
        {"X-API-Key": made_up, **bearer(token)},
        {"X-API-Key": token, **bearer(made_up)},
        {"X-API-Key": over, **bearer(token)},
        {"X-API-Key": token, **bearer(user)},
        {"X-API-Key": token, **bearer("e30.e30.e30")},
        {**bearer(token), "Origin": PAGE, "X-Forwarded-For": "192.0.2.8"},
        bearer(mint(gateway.url, site, "alice")),
        bearer(mint(gateway.url, site, "alice", uses=5, models=["fake:latest"])),
    ):
        assert told(ask(client, headers)) == LIMIT, headers
    assert len(upstream.chats) == 2
    assert told(ask(client, bearer(mint(gateway.url, site, "bob")))) == (200, "")


def test_a_user_is_one_visitor_wherever_and_however_the_jwt_is_shown(
    client: httpx.Client,
    upstream: FakeUpstream,
    server: IssuerServer,
    signer: Signer,
    site_of_users: str,
) -> None:
    first = {"X-API-Key": site_of_users, **bearer(signer.token(server.issuer, sub="carol"))}
    assert told(ask(client, first)) == (200, "")
    for more in (
        {},
        {"X-Forwarded-For": "192.0.2.9"},
        {"X-Forwarded-For": "2001:db8::1"},
        {"Origin": PAGE},
        bearer(signer.token(server.issuer, sub="carol", jti="another")),
        bearer(signer.token(server.issuer, sub="carol", app_metadata={"localllm": "none-such"})),
        bearer(signer.token(server.issuer, sub="carol", user_metadata={"sub": "dave"})),
    ):
        assert told(ask(client, {**first, **more})) == LIMIT, more
    assert len(upstream.chats) == 1
    other = {**first, **bearer(signer.token(server.issuer, sub="Carol"))}
    assert told(ask(client, other)) == (200, "")


def test_who_guesses_tokens_has_to_wait_and_the_visitors_go_on(
    gateway: GatewayProcess, client: httpx.Client
) -> None:
    site = key_with(gateway.url, "token")
    here = {**bearer(mint(gateway.url, site, "alice")), "X-Forwarded-For": "192.0.2.50"}
    assert told(ask(client, here)) == (200, "")
    guesses = [
        told(ask(client, {**here, **bearer(keys.make_key("llm-visitor"))})) for _ in range(25)
    ]
    assert guesses[0] == (401, "invalid_api_key")
    assert guesses[-1][0] == 429
    assert told(ask(client, here)) == (200, "")


def test_limits_that_change_while_visitors_call_hold_from_then_on(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client
) -> None:
    """Each call costs 100 tokens, and the limit goes up and down, at most to 500."""
    upstream.behave = spends(1)
    made = make_keys(gateway.url, visitors={"by": ["address"], "tokens_per_day": 500})

    def change() -> None:
        for limit in (100, 500, 300, None, 500) * 3:
            visitors = {"by": ["address"], "tokens_per_day": limit or 400}
            admin(gateway.url, "PATCH", f"/api-keys/{made['id']}", {"visitors": visitors})

    async def play() -> None:
        async with crowd(made["key"]) as people:
            changing = asyncio.create_task(asyncio.to_thread(change))
            while not changing.done():
                await people.all_at_once([gateway.url], 3, 5)
            await changing
            people.refused_for_limits_only()

    asyncio.run(play())
    for number in range(3):
        headers = {**bearer(made["key"]), "X-Forwarded-For": f"198.51.100.{number}"}
        assert 0 < used(client, headers)[1] <= 500
