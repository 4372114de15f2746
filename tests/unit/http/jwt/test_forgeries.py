"""Only a signature of the issuer's own keys lets in, made with its own algorithm (RFC 8725)."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.http.jwt.tokens import LONGEST
from tests.support.jwt_issuer import AUDIENCE, Signer, base64url, part
from tests.unit.http.jwt.conftest import World

pytestmark = pytest.mark.anyio
SIGNERS = [Signer("ec", "ES256"), Signer("rsa", "RS256"), Signer("ed", "EdDSA")]
BY_NAME = {signer.algorithm: signer for signer in SIGNERS}


def secret_forms(signer: Signer) -> list[bytes]:
    """The public key in the ways in which a careless server would hold it."""
    public = signer.private.public_key()
    forms = [(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
             (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)]  # fmt: skip
    return [public.public_bytes(*form) for form in forms] + [json.dumps(signer.public()).encode()]


@pytest.fixture
def claims(world: World) -> dict[str, Any]:
    world.server.signers = SIGNERS
    return {"iss": world.server.issuer, "aud": AUDIENCE, "sub": "x", "exp": world.now() + 600}


@pytest.mark.parametrize("signer", SIGNERS, ids=BY_NAME)
async def test_each_kind_of_key_verifies_its_own_algorithm(
    world: World, claims: dict[str, Any], signer: Signer
):
    good = signer.token(world.server.issuer)
    assert (await world.verified(good)).subject == "3f1c-user"
    signed, _, signature = good.rpartition(".")
    assert "signature is wrong" in await world.why(f"{signed}.{signature[:-8]}AAAAAAAA")
    assert "signature is wrong" in await world.why(f"{signed}.")
    head, _, _ = signed.partition(".")
    other = f"{head}.{part({**claims, 'sub': 'another'})}.{signature}"
    assert "signature is wrong" in await world.why(other)


async def test_the_new_name_of_eddsa_is_known(world: World, claims: dict[str, Any]):
    token = BY_NAME["EdDSA"].token(world.server.issuer, {"alg": "Ed25519"})
    assert (await world.verified(token)).subject == "3f1c-user"


@pytest.mark.parametrize("signer", SIGNERS, ids=BY_NAME)
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "hs256"])
async def test_a_public_key_is_never_a_shared_secret(
    world: World, claims: dict[str, Any], signer: Signer, algorithm: str
):
    signed = f"{part({'alg': algorithm, 'kid': signer.kid})}.{part(claims)}"
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for secret in secret_forms(signer):
        forged = f"{signed}.{base64url(hmac.sign(signed.encode(), secret))}"
        told = await world.why(forged)
        assert "shared secret" in told
        assert "Rotate to asymmetric signing keys" in told


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
async def test_an_unsigned_token_is_refused(world: World, claims: dict[str, Any], algorithm: str):
    for signature in ("", "AAAA"):
        token = f"{part({'alg': algorithm, 'kid': 'ec'})}.{part(claims)}.{signature}"
        assert "is not signed" in await world.why(token)
    assert world.server.asked == []


@pytest.mark.parametrize(
    ("signer", "algorithm"),
    [
        *(("rsa", "RS384"), ("rsa", "RS512"), ("rsa", "PS256"), ("rsa", "ES256"), ("ec", "RS256")),
        *(("ec", "ES384"), ("ec", "EdDSA"), ("ed", "ES256"), ("ec", "es256"), ("ec", "ES256K")),
        *(("ec", ""), ("ec", "RS1"), ("ec", "ECDH-ES")),
    ],
)
async def test_the_key_decides_the_algorithm(
    world: World, claims: dict[str, Any], signer: str, algorithm: str
):
    """Also where the signature would be right by what the token says."""
    (chosen,) = [one for one in SIGNERS if one.kid == signer]
    tools = jwt.algorithms.get_default_algorithms()
    signed = f"{part({'alg': algorithm, 'kid': signer})}.{part(claims)}"
    tool: Any = tools[algorithm] if algorithm in {"RS384", "RS512", "PS256"} else chosen.tool
    signature = tool.sign(signed.encode(), chosen.private)
    assert "names another algorithm" in await world.why(f"{signed}.{base64url(signature)}")


async def test_keys_that_a_token_brings_are_never_used_or_fetched(
    world: World, claims: dict[str, Any]
):
    """`jwk`, `jku`, `x5u` and `x5c` are not looked at, and a known `kid` is of the issuer's key."""
    own = Signer("ec")
    place = f"{world.server.place}/evil/jwks.json"
    world.server.documents["/evil/jwks.json"] = {"keys": [own.public()]}
    brought: list[dict[str, Any]] = [
        {"jwk": own.public()},
        {"jku": place},
        {"x5u": place},
        {"x5c": [base64url(b"x")]},
        {"jwk": own.public(), "kid": None},
        {"jku": place, "kid": "mine"},
        {"kid": place},
    ]
    for header in brought:
        assert "signature" in await world.why(own.token(world.server.issuer, header)), header
    assert "/evil/jwks.json" not in world.server.asked
    good = SIGNERS[0].token(world.server.issuer, {"jwk": own.public(), "jku": place})
    assert (await world.verified(good)).subject == "3f1c-user"


async def test_a_token_without_kid_is_of_the_only_key(world: World):
    alone = world.token({"kid": None})
    assert (await world.verified(alone)).subject == "3f1c-user"


async def test_without_kid_no_key_of_many_is_tried(world: World, claims: dict[str, Any]):
    token = SIGNERS[0].token(world.server.issuer, {"kid": None})
    assert "unknown signature" in await world.why(token)


async def test_a_signature_of_ecdsa_in_another_form_is_refused(world: World):
    signed = world.token().rpartition(".")[0]
    der = world.signer.private.sign(signed.encode(), ECDSA(SHA256()))
    for signature in (der, bytes(64), b"\xff" * 64, b"\0" * 31 + b"\1" + b"\0" * 31 + b"\1"):
        assert "signature is wrong" in await world.why(f"{signed}.{base64url(signature)}")


async def test_no_character_of_a_token_can_be_changed(world: World):
    good = world.token()
    await world.verified(good)
    for place, was in enumerate(good):
        for other in ("A", "B", "_"):
            if other != was:
                changed = f"{good[:place]}{other}{good[place + 1 :]}"
                assert (await world.refused(changed)).reason == "invalid_visitor_token", place


async def test_a_token_that_is_too_long_costs_nothing(world: World):
    assert "longer than" in await world.why(world.token(name="x" * LONGEST))
    assert world.server.asked == []
