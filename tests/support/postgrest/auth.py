"""Supabase Auth's answer to who shows a token (GET /auth/v1/user), in the words of its source."""

from collections.abc import Mapping
from typing import Any

from tests.support.postgrest.calls import Refused, Reply, Request, json_reply
from tests.support.postgrest.keys import Keys, bearer_of
from tests.support.postgrest.tokens import claims_of

PATH = "/auth/v1/user"


def answer(keys: Keys, users: Mapping[str, dict[str, Any]], request: Request) -> Reply:
    """`users`: those who exist, by their ids."""
    try:
        token = bearer_of(keys, request)
    except Refused as refused:
        return refused.reply
    try:
        subject = claims_of(keys.jwt_secret, keys.jwks, token).get("sub")
    except Refused:
        return _forbidden("bad_jwt", "invalid JWT: unable to parse or verify signature")
    if subject is None:
        return _forbidden("bad_jwt", "invalid claim: missing sub claim")
    if subject not in users:
        return _forbidden("user_not_found", "User from sub claim in JWT does not exist")
    user = {"id": subject, "aud": "authenticated", "role": "authenticated", "is_anonymous": False}
    return json_reply(200, user | users[subject])


def _forbidden(code: str, words: str) -> Reply:
    return json_reply(403, {"code": 403, "error_code": code, "msg": words})
