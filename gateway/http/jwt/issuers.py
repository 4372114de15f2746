"""All issuers that sites have set, each with its audience.

What a token says of itself is used for one thing before it is verified: to choose among these.
"""

import logging
import time
from collections.abc import Callable, Iterable

from gateway.core.errors import Refusal
from gateway.http.jwt.claims import audiences_of
from gateway.http.jwt.fetching import fetch_keys_of
from gateway.http.jwt.installing import Installing
from gateway.http.jwt.issuer import Issuer, refusal
from gateway.http.jwt.issuer_url import issuer_url
from gateway.http.jwt.key_sets import KeySet
from gateway.http.jwt.remembered import Remembered
from gateway.http.jwt.results import Problem
from gateway.http.jwt.tokens import parse
from gateway.http.jwt.visitors import role_problem

MOST = 1000  # pairs of issuer and audience

_log = logging.getLogger("localllm.jwt")


class Issuers:
    """`clock`: seconds that only go forward; `now`: seconds since 1970."""

    def __init__(
        self,
        installing: Installing | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._installing = installing or Installing()
        self._clock = clock
        self._now = now
        self._remembered = Remembered()
        self._key_sets: dict[str, KeySet] = {}
        self._issuers: dict[tuple[str, str], Issuer] = {}

    def configure(self, pairs: Iterable[tuple[str, str]]) -> None:
        """The pairs of issuer and audience that count from now on. Those that were there keep
        their keys. In a running loop."""
        wanted = [pair for pair in dict.fromkeys(pairs) if _is_sound(*pair)]
        if len(wanted) > MOST:
            _log.warning("Only the first %d of %d issuers are used.", MOST, len(wanted))
        issuers = {pair: self._issuers.get(pair) or self._made(*pair) for pair in wanted[:MOST]}
        self._issuers = issuers
        named = {issuer for issuer, _ in issuers}
        self._key_sets = {url: keys for url, keys in self._key_sets.items() if url in named}
        if issuers:
            self._installing.is_done()

    def get(self, issuer: str, audience: str) -> Issuer | None:
        """That of a site which is known already, by its key."""
        return self._issuers.get((issuer, audience))

    def find(self, token: str) -> Issuer | Refusal:
        """The one whose token it claims to be; its `verify` has to say whether it is."""
        raw = token.encode("utf-8", "replace")
        place = self._remembered.place(raw)
        if place is not None and (known := self._issuers.get(place)):
            return known
        parsed = parse(raw)
        if isinstance(parsed, Problem):
            return refusal(parsed)
        if problem := role_problem(parsed.claims):  # Supabase's own keys have another issuer
            return refusal(problem)
        issuer = parsed.claims.get("iss")
        if isinstance(issuer, str):
            for audience in audiences_of(parsed.claims):
                if found := self._issuers.get((issuer, audience)):
                    return found
        return refusal(
            Problem(
                "is of an issuer or for an audience ('iss', 'aud') that no site has set here",
                "Their owner sets both in the site's key.",
            )
        )

    def _made(self, issuer: str, audience: str) -> Issuer:
        keys = self._key_sets.get(issuer)
        if keys is None:
            keys = KeySet(issuer, lambda: fetch_keys_of(issuer), self._clock)
            self._key_sets[issuer] = keys
        return Issuer(issuer, audience, keys, self._remembered, self._installing, self._now)


def _is_sound(issuer: str, audience: str) -> bool:
    try:
        return bool(issuer_url(issuer) and audience)
    except ValueError as problem:
        _log.warning("The issuer %.200r is left out: it %s.", issuer, problem)
        return False
