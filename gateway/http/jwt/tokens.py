"""The shape of a JSON Web Token (RFC 7515, 7519). Nothing of it is believed yet.

A token is read here and nowhere else, and strictly, so that no second reader can understand it
otherwise. Names in the header that offer a key (`jwk`, `jku`, `x5u`, `x5c`) are not looked at.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple, NoReturn, cast

from gateway.http.jwt.results import Problem

LONGEST = 8192  # bytes; real ones have about a thousand
LONGEST_KEY_NAME = 200  # characters
_TYPES = {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}
_SHARED = {"hs256", "hs384", "hs512"}
_ASYMMETRIC = (
    "Rotate to asymmetric signing keys (ES256): in Supabase's dashboard under Project Settings, "
    "JWT Keys."
)


class Token(NamedTuple):
    """`algorithm` and `key`: what its header says; "" where it names no key. `signed`: the bytes
    that `signature` is of."""

    algorithm: str
    key: str
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def looks_like_one(text: str) -> bool:
    """Whether it is meant as a JWT, not as a key of this server, which has no dot."""
    return text.startswith("eyJ") and "." in text and text.isascii()


def parse(text: str | bytes) -> Token | Problem:
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(raw) > LONGEST:
        return Problem(f"is longer than {LONGEST} bytes", "Put less into its claims.")
    parts = raw.split(b".")
    if len(parts) == 5:
        return Problem("is encrypted", "Use a signed one.")
    if len(parts) != 3:
        return Problem("is no JWT: it has other than three parts")
    header, claims, signature = _object(parts[0]), _object(parts[1]), _decoded(parts[2])
    if header is None:
        return Problem("is no JWT: its header cannot be read")
    if problem := _header_problem(header):
        return problem
    if claims is None:
        return Problem("is no JWT: its claims cannot be read")
    if signature is None:
        return Problem("is no JWT: its signature cannot be read")
    signed = raw[: len(parts[0]) + 1 + len(parts[1])]
    return Token(header["alg"], header.get("kid") or "", claims, signed, signature)


def algorithm_problem(token: Token) -> Problem | None:
    """Of one that no public key can verify, whoever made it."""
    if token.algorithm.lower() == "none":
        return Problem("is not signed ('alg' is none)", "Use one that its issuer signed.")
    if token.algorithm.lower() in _SHARED:
        return Problem("is signed with a shared secret (HS256), not with a key", _ASYMMETRIC)
    return None


def _header_problem(header: dict[str, Any]) -> Problem | None:
    algorithm, key, kind = (header.get(name) for name in ("alg", "kid", "typ"))
    if not isinstance(algorithm, str):
        return Problem("is no JWT: its header has no 'alg'")
    if "crit" in header:
        return Problem("needs an extension ('crit') that this server lacks")
    if header.get("b64", True) is not True or {"enc", "zip", "cty"} & header.keys():
        return Problem("is encrypted, compressed or holds another one", "Use a plain signed one.")
    if kind is not None and not (isinstance(kind, str) and kind.lower() in _TYPES):
        return Problem("is of another type than JWT")
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= LONGEST_KEY_NAME):
        return Problem("names its key ('kid') in a way that cannot be")
    return None


def _decoded(part: bytes) -> bytes | None:
    """base64url without padding, in the one way in which the bytes can be written."""
    try:
        data = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError:
        return None
    return data if urlsafe_b64encode(data).rstrip(b"=") == part else None


def _object(part: bytes) -> dict[str, Any] | None:
    data = _decoded(part)
    if data is None:
        return None
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
