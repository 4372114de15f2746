"""Cloudflare Access: whoever comes through the tunnel must show that it let them in.

An additional lock, before any key is looked at. Cloudflare signs each request that it lets through
(RS256) with keys that it changes every few weeks; they are fetched when they are needed and kept.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.config.extras import ACCESS, ExtraError
from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.http.cloudflare_access_keys import KeysUnavailable, fetch_keys

if TYPE_CHECKING:
    from jwt import PyJWK

HEADER = b"cf-access-jwt-assertion"
LONGEST = 8192  # bytes; real ones have about a thousand
LEEWAY = 30  # seconds by which our clock may be wrong
FRESH = 3600.0  # seconds after which keys are fetched again, so that withdrawn ones end
PAUSE = 5.0  # seconds between two fetches, however many unknown keys are shown

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
        self._issuer = issuer
        self._audiences = audiences
        self._url = keys_url or f"{issuer}/cdn-cgi/access/certs"
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._asked = -FRESH - PAUSE  # when they were fetched last, well or not
        self._failed = False

    async def refusal(self, headers: Mapping[bytes, bytes]) -> Refusal | None:
        """None for a request that Access let through."""
        from jwt import PyJWTError, get_unverified_header

        token = headers.get(HEADER, b"")
        if not token:
            return Refusal("access_denied", "it did not come through Cloudflare Access")
        try:
            if len(token) > LONGEST:
                raise ValueError("too long")
            kid = get_unverified_header(token).get("kid")
        except (PyJWTError, ValueError):
            return Refusal("access_denied", "its Cloudflare Access token is no token")
        key = await self._key(str(kid))
        if key is None and self._failed:
            left = max(0.0, self._asked + PAUSE - self._clock())
            return Refusal("access_unavailable", retry_after_ms=int(left * 1000) + 1)
        if key is None:
            return Refusal("access_denied", "its Cloudflare Access token has an unknown signature")
        return self._judged(token, key)

    def _judged(self, token: bytes, key: "PyJWK") -> Refusal | None:
        import jwt

        try:
            jwt.decode(
                token,
                key,
                algorithms=["RS256"],  # never what the token says
                audience=self._audiences,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            return Refusal("access_denied", "its Cloudflare Access token has expired")
        except jwt.ImmatureSignatureError:
            return Refusal(
                "access_denied",
                "its Cloudflare Access token is not valid yet: the clock of this server is slow",
            )
        except jwt.InvalidAudienceError:
            return Refusal(
                "access_denied", "its Cloudflare Access token is for another application"
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return Refusal("access_denied", "its Cloudflare Access token is not valid")
        return None

    async def _key(self, kid: str) -> "PyJWK | None":
        """The key of that name. A name that is not known lets the keys be fetched."""
        known = self._keys.get(kid)
        age = self._clock() - self._asked
        if known is not None:
            if age > FRESH:
                self._fetch()  # nobody waits for it
            return known
        if age > PAUSE:
            self._fetch()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)  # of all who wait; one may leave
        return self._keys.get(kid)

    def _fetch(self) -> None:
        if self._fetching is None:
            self._asked = self._clock()
            self._fetching = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            self._keys = await fetch_keys(self._url)
            self._failed = False
        except KeysUnavailable as problem:
            self._failed = True
            kept = "those known go on" if self._keys else "nobody can be let in"
            _log.warning("The keys of Cloudflare Access at %s: %s; %s", self._url, problem, kept)
        finally:
            self._fetching = None


def access(settings: Settings) -> Access | None:
    """The lock that the settings ask for."""
    if not settings.access_team:
        return None
    return Access(f"https://{settings.access_team}", settings.access_audience)


async def install_if_needed(settings: Settings) -> None:
    """What verifies tokens, where the settings ask for it. Raises ExtraError."""
    if settings.access_team and not ACCESS.is_installed():
        _log.warning("Installing what verifies tokens of Cloudflare Access (once).")
        try:
            await ACCESS.install()
        except ExtraError as problem:
            raise ExtraError(f"ACCESS_TEAM needs PyJWT: {problem}") from None
