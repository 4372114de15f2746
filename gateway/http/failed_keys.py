"""Keys that nobody has: guessing them costs the one who guesses, not the database.

Each address may fail a few times. Then keys from there that have not worked on this gateway are
refused without a look-up. Keys that have worked go on, so one caller cannot lock out another.
"""

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from gateway.core.errors import Refusal
from gateway.http import client_address
from gateway.http.client_address import Networks
from gateway.http.exchange import Exchange

FAILURES = 20  # of one address, before it has to wait
WINDOW = 600.0  # seconds after which its failures are forgotten
USELESS = {  # why a key, or a visitor's token, can do nothing at all
    *("invalid_api_key", "key_revoked", "key_expired"),
    *("visitor_token_expired", "visitor_token_used_up"),
}
_MOST = 10_000  # addresses, and keys, that are remembered
_log = logging.getLogger("localllm")


class FailedKeyLimiter:
    """Counts failures by address, and remembers the hashes of keys that have worked.

    `has_tunnel`: whether a tunnel runs, so that Cloudflare is believed about the address;
    `proxies`: others that are."""

    def __init__(self, has_tunnel: Callable[[], bool], proxies: Networks = ()) -> None:
        self._has_tunnel = has_tunnel
        self._proxies = proxies
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()  # count, first of them
        self._good: OrderedDict[str, None] = OrderedDict()  # the one used last at the end
        self.guessers: deque[str] = deque(maxlen=10)  # who has to wait, until an alert says so

    def has_worked(self, key_hash: str) -> bool:
        """Whether the key is known to exist, so that showing it is no guess."""
        return key_hash in self._good

    def refusal(self, exchange: Exchange, key_hash: str) -> Refusal | None:
        """Why the key is not even looked up, if so. Addresses of this machine never wait: several
        callers share them, and whoever is here can do worse than guess."""
        if not self._failed or key_hash in self._good:
            return None
        address = self._address(exchange)
        count, since = self._failed.get(client_address.neighbourhood(address), (0, 0.0))
        left = since + WINDOW - time.monotonic()
        if count < FAILURES or left <= 0 or client_address.is_here(address):
            return None
        return Refusal("too_many_failures", retry_after_ms=int(left * 1000) + 1)

    def note(self, exchange: Exchange, key_hash: str, reason: str | None) -> None:
        """What the store said of the key: None for one that may do what it asked for."""
        if reason is None:
            exchange.trust()
            self._good[key_hash] = None
            self._good.move_to_end(key_hash)
            if len(self._good) > _MOST:
                self._good.popitem(last=False)
        elif reason in USELESS:
            self._good.pop(key_hash, None)
            if reason == "invalid_api_key":
                self._count(self._address(exchange))

    def _address(self, exchange: Exchange) -> str:
        tunnel, proxies = self._has_tunnel(), self._proxies
        return client_address.address(
            exchange.scope, exchange.headers, tunnel=tunnel, proxies=proxies
        )

    def _count(self, address: str) -> None:
        place, now = client_address.neighbourhood(address), time.monotonic()
        count, since = self._failed.get(place, (0, now))
        if now - since > WINDOW:
            count, since = 0, now
        self._failed[place] = count + 1, since
        self._failed.move_to_end(place)
        if count + 1 == FAILURES:
            self.guessers.append(place)
            _log.warning("%s showed %d keys that do not exist: it has to wait", place, FAILURES)
        if len(self._failed) > _MOST:
            self._failed.popitem(last=False)
