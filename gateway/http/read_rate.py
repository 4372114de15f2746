"""How often a key may ask the routes that only read.

They ask the database and the model servers, and no limit of the store counts them. Each key has as
many questions as it can ask in a minute; they come back one by one. Programs that look every second
what models there are stay far below.
"""

import time
from collections import OrderedDict

from gateway.core.errors import Refusal
from gateway.http.caller import Caller

PER_MINUTE = 600
_MOST_KEYS = 10_000


class ReadRate:
    """In this process alone, so it costs no call. A key that is forgotten may begin anew."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[Caller, float] = OrderedDict()  # when it has all of them again

    def refusal(self, caller: Caller) -> Refusal | None:
        """Count one question; why it is one too many, if so."""
        now = time.monotonic()
        full_at = max(now, self._full_at.get(caller, now)) + 60.0 / PER_MINUTE
        late = full_at - now - 60.0
        if late > 0:
            return Refusal("rate_limit_exceeded", retry_after_ms=int(late * 1000) + 1)
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        if len(self._full_at) > _MOST_KEYS:
            self._full_at.popitem(last=False)
        return None
