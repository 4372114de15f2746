"""Which keys of a set are used: public ones for signatures that are strong enough, no others."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from gateway.http.jwt.public_keys import MOST, KeysUnavailable, read_keys
from tests.support.jwt_issuer import Signer

GOOD = Signer("good")
RSA = Signer("rsa", "RS256")
ED = Signer("ed", "EdDSA")
PRIVATE = GOOD.tool.to_jwk(GOOD.private, as_dict=True)
P384 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)
ED448 = OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True)


def used(*keys: object) -> list[str]:
    return list(read_keys(json.dumps({"keys": [*keys, GOOD.public()]}).encode()))


def test_three_kinds_of_keys_are_used_with_or_without_a_word_on_them() -> None:
    for signer in (RSA, ED, Signer("ec")):
        assert used(signer.public()) == [signer.kid, "good"]
        assert used(signer.public(alg=None, use=None)) == [signer.kid, "good"]
        assert used(signer.public(key_ops=["verify"])) == [signer.kid, "good"]
    assert used(ED.public(alg="Ed25519")) == ["ed", "good"]


@pytest.mark.parametrize(
    "key",
    [
        {"kid": "x", "kty": "oct", "k": "AAAA", "alg": "HS256"},
        {"kid": "x", "kty": "oct", "k": "AAAA", "alg": "ES256"},
        Signer("x", "RS256", 1024).public(),
        RSA.public(kid="x", alg="RS512"),
        RSA.public(kid="x", alg="PS256"),
        RSA.public(kid="x", alg="HS256"),
        RSA.public(kid="x", use="enc"),
        RSA.public(kid="x", key_ops=["encrypt"]),
        RSA.public(kid="x", n="AAAA"),
        RSA.public(kid="x", e="AQ"),  # every number is its own signature
        {**PRIVATE, "kid": "x"},  # a private key that everybody knows
        GOOD.public(kid="x", alg="RS256"),
        GOOD.public(kid="x", crv="P-384"),
        GOOD.public(kid="x", crv="secp256k1"),
        GOOD.public(kid="x", x="AAAA"),
        GOOD.public(kid="x", y=GOOD.public()["x"]),  # a point beside the curve
        GOOD.public(kid="x", y=7),
        {**P384, "kid": "x"},
        {**ED448, "kid": "x"},
        ED.public(kid="x", x="AAAA"),
        {"kid": "x"},
        {"kid": "x", "kty": ["EC"], "crv": {}},
        {},
        GOOD.public(kid=7),
        GOOD.public(kid="x" * 201),
    ],
)
def test_a_key_that_is_weak_secret_or_broken_is_passed_over(key: dict[str, Any]) -> None:
    assert used(key) == ["good"]


def test_of_two_keys_with_one_name_the_first_counts() -> None:
    keys = json.dumps({"keys": [GOOD.public(), RSA.public(kid="good")]}).encode()
    assert read_keys(keys)["good"].algorithms == ("ES256",)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[" * 100_000, b'{"keys":[]}', b'{"keys":{}}', b"null", b"\xff",
     b'{"keys":[1]}', b'{"jwks":[]}', b'{"keys":[{"kid":"x","kty":"RSA"}]}'],
)  # fmt: skip
def test_what_is_no_set_of_keys_is_told(body: bytes) -> None:
    with pytest.raises(KeysUnavailable, match=r"not a set of keys|holds no key that can be used"):
        read_keys(body)


def test_a_set_of_too_many_keys_is_not_taken() -> None:
    keys = [GOOD.public(kid=str(number)) for number in range(MOST)]
    assert len(read_keys(json.dumps({"keys": keys}).encode())) == MOST
    with pytest.raises(KeysUnavailable, match="more than 100 keys"):
        read_keys(json.dumps({"keys": [*keys, GOOD.public()]}).encode())
