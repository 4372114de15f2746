"""Whom a token is for, of whom, and when: the registered claims (RFC 7519, 4.1)."""

from collections.abc import Collection
from typing import Any, cast

from gateway.http.jwt.results import Problem

LEEWAY = 30  # seconds by which our clock may be wrong
_LATEST = 253_402_300_799  # the end of the year 9999, in seconds since 1970
_EARLY = Problem(
    "is not valid yet: the clock of this server is slow, or its issuer's is fast",
    "Set the clock that is wrong.",
)


def claims_problem(
    claims: dict[str, Any], issuer: str, audiences: Collection[str], now: float
) -> Problem | None:
    """`now`: seconds since 1970."""
    if claims.get("iss") != issuer:
        return Problem("is not valid: its 'iss' is not the issuer that was set here")
    if problem := _audience_problem(claims.get("aud"), audiences):
        return problem
    for name in ("exp", "nbf", "iat"):
        if not (_is_time(claims.get(name)) or (claims.get(name) is None and name != "exp")):
            return Problem(f"is not valid: it lacks '{name}', or that is no time")
    if now - LEEWAY >= claims["exp"]:
        return Problem("has expired", "Log in again, or let the page renew its session.")
    begins = (claims[name] for name in ("nbf", "iat") if claims.get(name) is not None)
    return _EARLY if any(one > now + LEEWAY for one in begins) else None


def _is_time(value: object) -> bool:
    """Not so for infinity, which JSON can say as 1e999."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= _LATEST


def audiences_of(claims: dict[str, Any]) -> list[str]:
    """Those that the token names; none where they have another shape."""
    named = claims.get("aud")
    listed = cast(list[Any], named) if isinstance(named, list) else [named]
    found = [one for one in listed if isinstance(one, str)]
    return found if len(found) == len(listed) else []


def _audience_problem(named: object, audiences: Collection[str]) -> Problem | None:
    if not named:
        return Problem("is not valid: it lacks 'aud'")
    if not set(audiences_of({"aud": named})) & set(audiences):
        return Problem("is for another application: its 'aud' is not what was set here")
    return None
