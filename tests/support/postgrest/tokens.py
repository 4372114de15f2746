"""JSON web tokens as PostgREST checks them (src/PostgREST/Auth/Jwt.hs): 30 s of leeway.

HS256 with the project's secret; ES256 with one of its signing keys, of which it knows the public
halves (a JWKS): the one that the token names, or any if it names none.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import jwt
import msgspec

from tests.support.postgrest.problems import problem

LEEWAY = 30


def sign(secret: str, claims: dict[str, Any], algorithm: str = "HS256") -> str:
    head = _encode(msgspec.json.encode({"alg": algorithm, "typ": "JWT"}))
    signed = f"{head}.{_encode(msgspec.json.encode(claims))}"
    return f"{signed}.{_encode(_signature(secret, signed))}"


def claims_of(secret: str, jwks: Mapping[str, dict[str, Any]], token: str) -> dict[str, Any]:
    """What a good token says. `jwks`: public keys by their ids. Raises Refused."""
    claims = _verified(secret, jwks, token)
    now = time.time()
    for name, wrong, message in (
        ("exp", lambda when: now - LEEWAY > when, "JWT expired"),
        ("nbf", lambda when: now + LEEWAY < when, "JWT not yet valid"),
        ("iat", lambda when: now + LEEWAY < when, "JWT issued at future"),
    ):
        value = claims.get(name)
        if value is None:
            continue
        if not isinstance(value, int | float):
            raise problem("PGRST303", f"The JWT '{name}' claim must be a number")
        if wrong(value):
            raise problem("PGRST303", message)
    return claims


def _verified(secret: str, jwks: Mapping[str, dict[str, Any]], token: str) -> dict[str, Any]:
    parts = token.split(".")
    if not token:
        raise problem("PGRST301", "Empty JWT is sent in Authorization header")
    if len(parts) != 3:
        raise problem("PGRST301", f"Expected 3 parts in JWT; got {len(parts)}")
    try:
        head = msgspec.json.decode(_decode(parts[0]), type=dict[str, Any])
        signature = _decode(parts[2])
    except (ValueError, msgspec.DecodeError):
        raise problem("PGRST301", "JWT cryptographic operation failed") from None
    signed = f"{parts[0]}.{parts[1]}"
    if head.get("alg") == "ES256":
        named = jwks.keys() & {head["kid"]} if "kid" in head else jwks.keys()
        right = any(_is_by(jwks[kid], signed, signature) for kid in named)
    else:
        right = head.get("alg") == "HS256" and hmac.compare_digest(
            signature, _signature(secret, signed)
        )
    if not right:
        details = "None of the keys was able to decode the JWT"
        raise problem("PGRST301", "No suitable key or wrong key type", details)
    try:
        return msgspec.json.decode(_decode(parts[1]), type=dict[str, Any])
    except (ValueError, msgspec.DecodeError):
        raise problem("PGRST303", "Parsing claims failed") from None


def _is_by(key: dict[str, Any], signed: str, signature: bytes) -> bool:
    ecdsa = jwt.get_algorithm_by_name("ES256")
    return ecdsa.verify(signed.encode(), ecdsa.from_jwk(key), signature)


def _signature(secret: str, signed: str) -> bytes:
    return hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as wrong:
        raise ValueError(text) from wrong
