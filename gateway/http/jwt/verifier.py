"""Whether a token is of an issuer, for us, and valid now. Fixed per issuer are its keys, and with
them the algorithms; the token only says which of the keys it is."""

import time
from collections.abc import Callable, Collection

from gateway.http.jwt.claims import claims_problem
from gateway.http.jwt.key_sets import KeySet
from gateway.http.jwt.results import Away, Problem
from gateway.http.jwt.tokens import Token, algorithm_problem


class Verifier:
    """Of the tokens of one issuer for any of some audiences. `now`: seconds since 1970."""

    def __init__(
        self,
        issuer: str,
        audiences: Collection[str],
        keys: KeySet,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._keys = keys
        self._now = now

    async def problem(self, token: Token) -> Problem | Away | None:
        """None for a token whose claims can be believed. Its time comes before its signature:
        the cheap first, and an expired token lets no keys be fetched."""
        claims, now = token.claims, self._now()
        problem = algorithm_problem(token)
        problem = problem or claims_problem(claims, self._issuer, self._audiences, now)
        if problem:
            return problem
        key = await self._keys.find(token.key)
        if key is None:
            return Problem("has an unknown signature: its issuer has no such key", "Log in again.")
        return key if isinstance(key, Away) else key.problem(token)
