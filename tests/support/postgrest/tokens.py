"""JSON web tokens as PostgREST checks them (src/PostgREST/Auth/Jwt.hs): HS256, 30 s of leeway."""

import base64
import binascii
import hashlib
import hmac
import time
from typing import Any

import msgspec

from tests.support.postgrest.problems import problem

LEEWAY = 30


def sign(secret: str, claims: dict[str, Any], algorithm: str = "HS256") -> str:
    head = _encode(msgspec.json.encode({"alg": algorithm, "typ": "JWT"}))
    signed = f"{head}.{_encode(msgspec.json.encode(claims))}"
    return f"{signed}.{_encode(_signature(secret, signed))}"


def claims_of(secret: str, token: str) -> dict[str, Any]:
    """What a good token says. Raises Refused."""
    claims = _verified(secret, token)
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


def _verified(secret: str, token: str) -> dict[str, Any]:
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
    right = hmac.compare_digest(signature, _signature(secret, f"{parts[0]}.{parts[1]}"))
    if head.get("alg") != "HS256" or not right:
        details = "None of the keys was able to decode the JWT"
        raise problem("PGRST301", "No suitable key or wrong key type", details)
    try:
        return msgspec.json.decode(_decode(parts[1]), type=dict[str, Any])
    except (ValueError, msgspec.DecodeError):
        raise problem("PGRST303", "Parsing claims failed") from None


def _signature(secret: str, signed: str) -> bytes:
    return hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as wrong:
        raise ValueError(text) from wrong
