"""What a verified token says of a website's visitor."""

import re
from typing import Any, cast

import msgspec

from gateway.http.jwt.results import Problem

_PLAN = re.compile(r"[a-z0-9_-]{1,50}")
_LONGEST_SUBJECT = 255  # characters


class VisitorClaims(msgspec.Struct, frozen=True):
    """`subject`: who it is, in the issuer's words. `anonymous`: has not logged in with anything.
    `plan`: that the site's owner gave the visitor. `expires`: seconds since 1970."""

    issuer: str
    audience: str
    subject: str
    anonymous: bool
    plan: str | None
    expires: float


def visitor(claims: dict[str, Any], audience: str) -> VisitorClaims | Problem:
    if problem := role_problem(claims):
        return problem
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        return Problem("does not say who its user is: 'sub' should have 1 to 255 characters")
    if not subject.isprintable():
        return Problem("does not say who its user is: 'sub' has characters that cannot be shown")
    plan = _plan(claims)
    if isinstance(plan, Problem):
        return plan
    anonymous = claims.get("is_anonymous") not in (None, False)  # in doubt the lower tier
    return VisitorClaims(
        claims["iss"], audience, subject, anonymous, plan, expires=float(claims["exp"])
    )


def role_problem(claims: dict[str, Any]) -> Problem | None:
    """Supabase's own keys look like tokens of users, and are none."""
    role = claims.get("role")
    if role == "anon":
        return Problem(
            "is the site's public key of Supabase (role anon), which is nobody's",
            "Send the access token of the visitor's session: a visitor who has not logged in gets "
            "one with supabase.auth.signInAnonymously().",
        )
    if role == "service_role":
        return Problem(
            "is the secret key of Supabase (role service_role)",
            "Take it out of the page and rotate it; send the access token of the visitor's "
            "session.",
        )
    return None


def _plan(claims: dict[str, Any]) -> str | Problem | None:
    """Of `app_metadata`, which only the owner can write; users write their `user_metadata`."""
    metadata: Any = claims.get("app_metadata")
    named: Any = (
        cast(dict[str, Any], metadata).get("localllm") if isinstance(metadata, dict) else None
    )
    if isinstance(named, dict):
        named = cast(dict[str, Any], named).get("plan")
    if named is None:
        return None
    if isinstance(named, str) and _PLAN.fullmatch(named):
        return named
    return Problem(
        "names a plan that cannot exist",
        "The owner of the site sets app_metadata.localllm to a plan's name: 1 to 50 of a-z, 0-9, "
        "'_' and '-'.",
    )
