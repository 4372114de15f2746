"""An issuer whose tokens the visitors of a site show, for one audience."""

import time
from collections.abc import Callable

from gateway.core.errors import Refusal
from gateway.http.jwt.claims import audiences_of
from gateway.http.jwt.installing import SOON_MS, Installing
from gateway.http.jwt.key_sets import KeySet
from gateway.http.jwt.remembered import Remembered
from gateway.http.jwt.results import Away, Problem
from gateway.http.jwt.tokens import parse
from gateway.http.jwt.verifier import Verifier
from gateway.http.jwt.visitors import VisitorClaims, role_problem, visitor


class Issuer:
    """`now`: seconds since 1970."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: KeySet,
        remembered: Remembered,
        installing: Installing,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self._keys = keys
        self._remembered = remembered
        self._installing = installing
        self._now = now
        self._verifier = Verifier(issuer, (audience,), keys, now)

    async def verify(self, token: str) -> VisitorClaims | Refusal:
        """Who the visitor is. Waits only where the key is not known yet."""
        raw = token.encode("utf-8", "replace")
        version = self._keys.version()
        known = self._remembered.get(raw, self.issuer, self.audience, version, self._now())
        if known is not None:
            return known
        parsed = parse(raw)
        if isinstance(parsed, Problem):
            return refusal(parsed)
        if problem := role_problem(parsed.claims):
            return refusal(problem)
        if not self._installing.is_done():
            return _unavailable("this server still lacks what verifies them", SOON_MS)
        problem = await self._verifier.problem(parsed)
        if isinstance(problem, Away):
            return _unavailable("their issuer gives no keys", problem.retry_after_ms)
        found = problem or visitor(parsed.claims, self.audience)
        if isinstance(found, Problem):
            return refusal(found)
        alone = len(audiences_of(parsed.claims)) == 1
        self._remembered.put(raw, found, self._keys.version(), alone)
        return found


def _unavailable(why: str, wait_ms: int) -> Refusal:
    return Refusal("issuer_unavailable", why, retry_after_ms=wait_ms)


def refusal(problem: Problem) -> Refusal:
    remedy = f" {problem.remedy}" if problem.remedy else ""
    return Refusal("invalid_visitor_token", f"the visitor's token {problem.why}.{remedy}")
