"""Keys that nobody has: guessing them costs the one who guesses, not the database.

Each address may fail a few times. Then keys from there that this gateway has not seen work are
refused before anybody is asked; those that it has go on, so one caller cannot lock out another.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.errors import Refusal
from gateway.http import client_address

FAILURES = 20  # of one address, before it has to wait
WINDOW = 600.0  # seconds after which its failures are forgotten
_MOST = 10_000  # addresses, and keys, that are remembered
_GUESS = "invalid_api_key"
_log = logging.getLogger("localllm")

Headers = Mapping[bytes, bytes]


class FailedKeyLimiter:
    """Failures by address, since when; and the hashes of keys that were allowed something.

    `tunnel`: whether one runs, so that Cloudflare's edge is believed about the address."""

    def __init__(self, tunnel: Callable[[], bool]) -> None:
        self._tunnel = tunnel
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._good: OrderedDict[str, None] = OrderedDict()

    def refusal(self, scope: Any, headers: Headers, key_hash: str) -> Refusal | None:
        """Why a key from there is not even looked up, if so. Addresses of this machine never wait:
        several callers share them, and whoever is here can do worse than guess."""
        if not self._failed or key_hash in self._good:
            return None
        address = client_address.address(scope, headers, tunnel=self._tunnel())
        count, since = self._failed.get(client_address.neighbourhood(address), (0, 0.0))
        left = since + WINDOW - time.monotonic()
        if count < FAILURES or left <= 0 or client_address.is_here(address):
            return None
        return Refusal("too_many_failures", retry_after_ms=int(left * 1000) + 1)

    def note(self, scope: Any, headers: Headers, key_hash: str, refusal: Refusal | None) -> None:
        """How it ended: None for a key that works."""
        if refusal is None:
            self._good[key_hash] = None
            if len(self._good) > _MOST:
                self._good.popitem(last=False)
        elif refusal.reason == _GUESS:
            self._good.pop(key_hash, None)
            self._count(client_address.address(scope, headers, tunnel=self._tunnel()))

    def _count(self, address: str) -> None:
        place, now = client_address.neighbourhood(address), time.monotonic()
        count, since = self._failed.get(place, (0, now))
        if now - since > WINDOW:
            count, since = 0, now
        self._failed[place] = count + 1, since
        self._failed.move_to_end(place)
        if count + 1 == FAILURES:
            _log.warning("%s showed %d keys that do not exist: it has to wait", place, FAILURES)
        if len(self._failed) > _MOST:
            self._failed.popitem(last=False)
