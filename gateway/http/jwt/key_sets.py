"""The keys of one issuer: fetched when they are needed, kept, and fetched again.

A key that is known is used at once, however old the set is: a set that is no longer fresh is
renewed beside the request. Only an unknown key lets requests wait, all of them for one fetch; and
that is done once in a few seconds at most, whatever tokens strangers make up.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from gateway.http.jwt.public_keys import Keys, KeysUnavailable, PublicKey
from gateway.http.jwt.results import Away

FRESH = 600.0  # seconds after which keys are fetched again, so that withdrawn ones end
KEPT = 24 * 3600.0  # seconds that they are used while their issuer is away
PAUSE = 5.0  # seconds between two fetches

_log = logging.getLogger("localllm.jwt")


class KeySet:
    """`name`: of the issuer, for the log. `clock`: seconds that only go forward."""

    def __init__(
        self,
        name: str,
        fetch: Callable[[], Awaitable[Keys]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._clock = clock
        self._keys: Keys = {}
        self._version = object()
        self._fetching: asyncio.Task[None] | None = None
        self._asked = -FRESH - PAUSE  # when they were fetched last, well or not
        self._fetched = 0.0  # when last well
        self._failed = False

    def version(self) -> object:
        """Another object whenever the keys are others. Renews them if that is due."""
        now = self._clock()
        if self._keys and now - self._asked > FRESH:
            self._renew()
        if self._keys and now - self._fetched > KEPT:
            self._take({})
        return self._version

    async def find(self, name: str) -> PublicKey | Away | None:
        """The key of that name ('kid'); with "" the only one. None: the issuer has no such key."""
        self.version()
        if known := self._known(name):
            return known
        if self._clock() - self._asked > PAUSE:
            self._renew()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)  # of all who wait; one may leave
        known = self._known(name)
        if known is None and self._failed:
            left = max(0.0, self._asked + PAUSE - self._clock())
            return Away(int(left * 1000) + 1)
        return known

    def _known(self, name: str) -> PublicKey | None:
        if not name and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name)

    def _renew(self) -> None:
        if self._fetching is None:
            self._asked = self._clock()
            self._fetching = asyncio.create_task(self._fetch_them())

    async def _fetch_them(self) -> None:
        try:
            self._take(await self._fetch())
            self._fetched = self._clock()
            self._failed = False
        except KeysUnavailable as problem:
            self._failed = True
            kept = "those known go on" if self._keys else "nobody can be let in"
            _log.warning("The keys of %s: %s; %s", self._name, problem, kept)
        finally:
            self._fetching = None

    def _take(self, keys: Keys) -> None:
        told = {name: key.told for name, key in self._keys.items()}
        if told != {name: key.told for name, key in keys.items()}:
            self._version = object()
        self._keys = keys
