"""Cloudflare Access: whoever comes through the tunnel must show that it let them in.

An additional lock, before any key is looked at. Cloudflare signs each request that it lets through
with keys that it changes every few weeks; `jwt` fetches and keeps them.
"""

import logging
import time
from collections.abc import Callable, Mapping

from gateway.config.extras import JWT, ExtraError
from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.http.jwt.fetching import fetch_keys
from gateway.http.jwt.key_sets import KeySet
from gateway.http.jwt.results import Away, Problem
from gateway.http.jwt.tokens import parse
from gateway.http.jwt.verifier import Verifier

HEADER = b"cf-access-jwt-assertion"

_log = logging.getLogger("localllm.access")


class Access:
    """The lock of one Access application. `issuer`: the team's address, where its keys are."""

    def __init__(
        self,
        issuer: str,
        audiences: tuple[str, ...],
        keys_url: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        url = keys_url or f"{issuer}/cdn-cgi/access/certs"
        self._keys = KeySet(f"Cloudflare Access at {url}", lambda: fetch_keys(url), clock)
        self._verifier = Verifier(issuer, audiences, self._keys)

    async def refusal(self, headers: Mapping[bytes, bytes]) -> Refusal | None:
        """None for a request that Access let through."""
        shown = headers.get(HEADER, b"")
        if not shown:
            return Refusal("access_denied", "it did not come through Cloudflare Access")
        token = parse(shown)
        problem = token if isinstance(token, Problem) else await self._verifier.problem(token)
        if isinstance(problem, Away):
            return Refusal("access_unavailable", retry_after_ms=problem.retry_after_ms)
        if problem:
            return Refusal("access_denied", f"its Cloudflare Access token {problem.why}")
        return None


def access(settings: Settings) -> Access | None:
    """The lock that the settings ask for."""
    if not settings.access_team:
        return None
    return Access(f"https://{settings.access_team}", settings.access_audience)


async def install_if_needed(settings: Settings) -> None:
    """What verifies tokens, where the settings ask for it. Raises ExtraError."""
    if settings.access_team and not JWT.is_installed():
        _log.warning("Installing what verifies tokens of Cloudflare Access (once).")
        try:
            await JWT.install()
        except ExtraError as problem:
            raise ExtraError(f"ACCESS_TEAM needs PyJWT: {problem}") from None
