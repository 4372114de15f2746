"""The API keys of a project, and the check of them that Supabase's gateway makes before PostgREST.

New keys are opaque: the gateway puts a short-lived JWT in their place. Legacy keys are JWTs, which
it passes on. Words and rules are those of supabase.com/docs/guides/getting-started/api-keys and of
the gateway that Supabase publishes for hosting it oneself.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.postgrest.calls import Refused, Reply, Request, json_reply
from tests.support.postgrest.problems import problem
from tests.support.postgrest.tokens import sign

YEARS = 10 * 365 * 86400


def _opaque(kind: str) -> str:
    return f"sb_{kind}_{secrets.token_urlsafe(16)}_{secrets.token_hex(4)}"


def _token(secret: str, role: str) -> str:
    now = int(time.time())
    return sign(secret, {"iss": "supabase", "role": role, "iat": now, "exp": now + YEARS})


@dataclass(frozen=True)
class Keys:
    """New ones for every project."""

    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(40))
    secret: str = field(default_factory=lambda: _opaque("secret"))
    publishable: str = field(default_factory=lambda: _opaque("publishable"))
    service_jwt: str = field(init=False)
    anon_jwt: str = field(init=False)
    # The public halves of imported signing keys, by their ids.
    jwks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "service_jwt", _token(self.jwt_secret, "service_role"))
        object.__setattr__(self, "anon_jwt", _token(self.jwt_secret, "anon"))


def bearer_of(keys: Keys, request: Request, *, is_hosted: bool = True) -> str:
    """The token that PostgREST gets to see. Only the hosted gateway (`is_hosted`) exchanges a new
    key in Authorization, too; on a stack of one's own it is no token. Raises Refused."""
    key = request.headers.get("apikey") or dict(request.query).get("apikey")
    if not key:
        raise Refused(_no_key())
    tokens = {
        keys.secret: keys.service_jwt,
        keys.publishable: keys.anon_jwt,
        keys.service_jwt: keys.service_jwt,
        keys.anon_jwt: keys.anon_jwt,
    }
    if key not in tokens:
        raise Refused(wrong_key())
    if key == keys.secret and request.headers.get("user-agent", "").startswith("Mozilla/"):
        raise Refused(_secret_in_browser())
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if given == key and key.startswith("sb_") and not is_hosted:
        raise problem("PGRST301", "Expected 3 parts in JWT; got 1")
    if scheme.lower() != "bearer" or given == key:
        return tokens[key]
    return given  # a signed-in user's


def wrong_key() -> Reply:
    return json_reply(
        401,
        {
            "message": "Invalid API key",
            "hint": "Double check your Supabase `anon` or `service_role` API key.",
        },
    )


def _no_key() -> Reply:
    return json_reply(
        401,
        {
            "message": "No API key found in request",
            "hint": "No `apikey` request header or url param was found.",
        },
    )


def _secret_in_browser() -> Reply:
    return json_reply(
        401,
        {
            "message": "Forbidden use of secret API key in browser",
            "hint": "Secret API keys can only be used in a protected environment and should "
            "never be used in a browser. Delete this secret API key immediately.",
        },
    )
