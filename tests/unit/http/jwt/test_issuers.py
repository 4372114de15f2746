"""A token is led to one of the issuers that are set, and to nothing that it names itself."""

from collections.abc import Iterable

import pytest

from gateway.core.errors import Refusal
from gateway.http.jwt.issuer import Issuer
from gateway.http.jwt.issuer_url import issuer_url
from gateway.http.jwt.issuers import MOST, Issuers
from gateway.http.jwt.visitors import VisitorClaims
from tests.support.jwt_issuer import AUDIENCE, Signer, issuer_server, part
from tests.unit.http.jwt.conftest import FIRST, World

pytestmark = pytest.mark.anyio


def found(issuers: Issuers, token: str) -> Issuer:
    one = issuers.find(token)
    assert isinstance(one, Issuer), one
    return one


async def test_each_token_goes_to_its_own_issuer(world: World):
    async with issuer_server(Signer("first")) as other:
        own, theirs = world.server.issuer, other.issuer
        world.issuers.configure([(own, AUDIENCE), (own, "shop"), (theirs, AUDIENCE)])
        for issuer, audience, signer in (
            (own, AUDIENCE, FIRST),
            (own, "shop", FIRST),
            (theirs, AUDIENCE, other.signers[0]),
        ):
            token = signer.token(issuer, aud=audience)
            one = found(world.issuers, token)
            assert (one.issuer, one.audience) == (issuer, audience)
            assert isinstance(await one.verify(token), VisitorClaims)
        forged = FIRST.token(theirs)  # signed with the key of another issuer
        assert isinstance(await found(world.issuers, forged).verify(forged), Refusal)
        assert (world.server.fetches, other.fetches) == (1, 1)  # keys are of an issuer


async def test_a_token_verified_for_one_audience_is_not_for_another(world: World):
    world.issuers.configure([(world.server.issuer, AUDIENCE), (world.server.issuer, "shop")])
    token = world.token()
    await world.verified(token)
    shop = world.issuers.get(world.server.issuer, "shop")
    assert shop is not None
    assert isinstance(await shop.verify(token), Refusal)


async def test_a_token_of_two_audiences_is_led_by_their_order_alone(world: World):
    """Whatever was verified before: a site pays for no call by chance."""
    own = world.server.issuer
    world.issuers.configure([(own, "shop"), (own, AUDIENCE)])
    token = world.token(aud=[AUDIENCE, "shop"])
    shop = world.issuers.get(own, "shop")
    assert shop is not None
    assert isinstance(await shop.verify(token), VisitorClaims)
    assert found(world.issuers, token).audience == AUDIENCE
    await world.verified(token)
    assert isinstance(await shop.verify(token), VisitorClaims)


async def test_a_token_of_two_audiences_counts_for_either(world: World):
    world.issuers.configure([(world.server.issuer, "shop")])
    one = found(world.issuers, world.token(aud=["other", "shop"]))
    assert one.audience == "shop"


@pytest.mark.parametrize("claims", [{"iss": "https://evil.example"}, {"aud": "x"}, {"iss": None}])
async def test_an_issuer_that_nobody_set_is_never_asked(world: World, claims: dict[str, object]):
    refusal = world.issuers.find(world.token(**claims))
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 401
    assert "that no site has set here" in refusal.message
    assert world.server.asked == []


async def test_supabases_own_keys_are_named_though_their_issuer_is_another(world: World):
    """The old keys of a project: HS256, `iss` is "supabase", and no audience."""
    claims = {"iss": "supabase", "ref": "abcdefgh", "role": "anon", "exp": world.now() + 600}
    refusal = world.issuers.find(f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.AAAA")
    assert isinstance(refusal, Refusal)
    assert "public key of Supabase (role anon)" in refusal.message


@pytest.mark.parametrize("token", ["", "x", "e30.e30.e30", "a.b.c"])
async def test_what_is_no_token_is_refused(world: World, token: str):
    refusal = world.issuers.find(token)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "invalid_visitor_token"


async def test_issuers_that_stay_keep_their_keys_and_others_end(world: World):
    token = world.token()
    await world.verified(token)
    pair = (world.server.issuer, AUDIENCE)
    world.issuers.configure([("https://other.example", "x"), pair, pair])
    await world.verified(token)
    assert world.server.fetches == 1
    world.issuers.configure([])  # also for a token that is remembered
    assert isinstance(world.issuers.find(token), Refusal)
    assert world.issuers.get(*pair) is None
    world.issuers.configure([pair])
    world.server.signers = [Signer("second")]  # meanwhile it has other keys
    assert "unknown signature" in await world.why(token)


async def test_the_number_of_issuers_is_bounded(caplog: pytest.LogCaptureFixture):
    issuers = Issuers()
    issuers.configure((f"https://{number}.example", "x") for number in range(MOST + 1))
    assert issuers.get(f"https://{MOST - 1}.example", "x")
    assert issuers.get(f"https://{MOST}.example", "x") is None
    assert "Only the first 1000 of 1001 issuers are used" in caplog.text


async def test_an_issuer_that_cannot_be_is_left_out(caplog: pytest.LogCaptureFixture):
    issuers = Issuers()
    issuers.configure([("http://ref.supabase.co", "x"), ("https://ref.supabase.co", "")])
    assert issuers.get("http://ref.supabase.co", "x") is None
    assert issuers.get("https://ref.supabase.co", "") is None
    assert "is left out: it should begin with https://" in caplog.text


GOOD = ["https://ref.supabase.co/auth/v1", "https://x.eu.auth0.com/", "https://10.0.0.7:8443",
        "http://127.0.0.1:9000", "http://[::1]/a", "http://localhost:54321/auth/v1"]  # fmt: skip
BAD = ["", "ref.supabase.co", "http://ref.supabase.co", "http://10.0.0.7", "ftp://x", "https://",
       "https://a@b.example", "https://a.example?x", "https://a.example#", "https://a.example/ x",
       "https://a.example/" + "x" * 500, "https://[", "https://a.example:x", "https://ä.example",
       "http://localhost.evil.example", "https://a.example\n"]  # fmt: skip


@pytest.mark.parametrize(("texts", "good"), [(GOOD, True), (BAD, False)])
def test_an_issuer_is_an_https_address(texts: Iterable[str], good: bool) -> None:
    for text in texts:
        if good:
            assert issuer_url(text) == text
        else:
            with pytest.raises(ValueError, match="should"):
                issuer_url(text)
