"""Keys that are at a limit, so that their large bodies are refused before they are read.

The store decides with the prompt in hand, so the first large body of a key that is at its limit is
read. What the store said of it holds for the next ones: a rate limit until it ends, a quota for a
moment and for bodies that are no smaller. For all other keys nothing is asked.
"""

import time
from collections import OrderedDict
from typing import NamedTuple

from gateway.core.errors import Refusal
from gateway.http.caller import Caller

QUOTA_SECONDS = 10.0  # the owner may raise it
_LONGEST = 60.0  # seconds; a rate window is no longer
_MOST = 10_000  # keys


class _Limit(NamedTuple):
    until: float
    smallest: int  # bytes of a body that it refuses
    refusal: Refusal


class KnownLimits:
    def __init__(self) -> None:
        self._known: OrderedDict[Caller, _Limit] = OrderedDict()

    def refusal(self, caller: Caller, size: float) -> Refusal | None:
        """Why a body of so many bytes need not be read, if so."""
        known = self._known.get(caller)
        if known is None or size < known.smallest:
            return None
        left = known.until - time.monotonic()
        if left <= 0:
            del self._known[caller]
            return None
        if known.refusal.retry_after_ms is None:
            return known.refusal
        return Refusal(known.refusal.reason, retry_after_ms=int(left * 1000) + 1)

    def note(self, caller: Caller, size: int, refusal: Refusal) -> None:
        """The store refused a request with a body of so many bytes."""
        if refusal.reason in {"rate_limit_exceeded", "visitor_rate_limit_exceeded"}:
            seconds, smallest = (refusal.retry_after_ms or 0) / 1000, 0
        elif refusal.reason in {"insufficient_quota", "visitor_quota"}:
            seconds, smallest = QUOTA_SECONDS, size
        else:
            return
        until = time.monotonic() + min(seconds, _LONGEST)
        self._known[caller] = _Limit(until, smallest, refusal)
        self._known.move_to_end(caller)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
