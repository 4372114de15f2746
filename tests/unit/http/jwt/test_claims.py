"""A token counts only for its issuer, its audience and its time, by a clock that may be off."""

import json

import pytest

from gateway.http.jwt.claims import LEEWAY
from tests.support.jwt_issuer import AUDIENCE, Signer
from tests.unit.http.jwt.conftest import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
async def test_a_token_for_our_audience_is_taken(world: World, audience: object):
    claims = await world.verified(world.token(aud=audience, iat=None))
    assert (claims.issuer, claims.audience) == (world.server.issuer, AUDIENCE)


@pytest.mark.parametrize(
    ("audience", "said"),
    [
        (None, "lacks 'aud'"),
        ("", "lacks 'aud'"),
        ([], "lacks 'aud'"),
        ("other", "for another application"),
        ([["authenticated"]], "for another application"),
        (["authenticated", 1], "for another application"),
        ({"authenticated": 1}, "for another application"),
        ("authenticated ", "for another application"),
        (1, "for another application"),
    ],
)
async def test_any_other_audience_is_refused(world: World, audience: object, said: str):
    assert said in await world.why(world.token(aud=audience))


async def test_the_issuer_has_to_be_the_same_letter_by_letter(world: World):
    own = world.server.issuer
    for other in (f"{own}/", own.upper(), own.replace("127.0.0.1", "localhost"), "", [own], None):
        assert "'iss' is not the issuer" in await world.why(world.token(iss=other)), other
    assert world.server.asked == []


async def test_a_token_ends_at_its_time_and_a_few_seconds(world: World):
    now = int(world.now())
    assert await world.verified(world.token(exp=now - LEEWAY + 1))
    for exp in (now - LEEWAY, now - 3600, 0, now - LEEWAY - 0.5):
        told = await world.why(world.token(exp=exp))
        assert "has expired. Log in again" in told


async def test_a_verified_token_ends_too(world: World):
    token = world.token(exp=int(world.now()) + 600)
    assert (await world.verified(token)).expires == world.now() + 600
    world.now.now += 600 + LEEWAY
    assert "has expired" in await world.why(token)


@pytest.mark.parametrize("name", ["nbf", "iat"])
async def test_a_token_from_the_future_names_the_clock(world: World, name: str):
    now = int(world.now())
    assert await world.verified(world.token(**{name: now + LEEWAY}))
    assert await world.verified(world.token(**{name: now - 10**6}))
    told = await world.why(world.token(**{name: now + LEEWAY + 1}))
    assert "is not valid yet: the clock of this server is slow" in told


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["soon", "1900000000", True, [1], {}, -1, 10**20, 10**400])
async def test_a_time_is_a_number_of_seconds(world: World, name: str, value: object):
    assert f"lacks '{name}', or that is no time" in await world.why(world.token(**{name: value}))


async def test_a_token_without_end_is_refused(world: World):
    assert "lacks 'exp'" in await world.why(world.token(exp=None))
    claims = {"iss": world.server.issuer, "aud": AUDIENCE, "sub": "x", "exp": 7}
    endless = json.dumps(claims).replace("7}", "1e999}")
    header = {"alg": "ES256", "kid": "first"}
    assert "lacks 'exp'" in await world.why(world.signer.sign(header, endless))


async def test_claims_that_stand_twice_are_refused(world: World):
    """Even with a signature that is right: the first could be checked and the last be used."""
    claims = {"iss": world.server.issuer, "aud": AUDIENCE, "exp": world.now() + 600, "sub": "a"}
    text = json.dumps(claims).replace("}", ',"sub":"b"}')
    told = await world.why(world.signer.sign({"alg": "ES256", "kid": "first"}, text))
    assert "its claims cannot be read" in told


async def test_one_issuers_token_is_worth_nothing_at_another(world: World):
    stranger = Signer("first")
    assert "signature is wrong" in await world.why(stranger.token(world.server.issuer))
