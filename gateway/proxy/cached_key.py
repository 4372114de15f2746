"""What the verdict cache remembers of one hash: what the store has allowed it, and when."""

import time
from collections import OrderedDict
from typing import NamedTuple

from gateway.proxy.allowance import Allowance
from gateway.stores import Identity

MOST_USES = 200  # a key may come with any number of models and websites
LATELY = 1.0  # seconds in which a use that was allowed need not be noted again

Use = tuple[str | None, str | None, str | None]  # scope, origin, model (None: whatever)


class _Allowed(NamedTuple):
    """When the store last said yes, and what it last said of the key as a whole."""

    at: float = 0.0
    identity: Identity | None = None
    identified: float = 0.0  # when that was


_NEVER = _Allowed()


class CachedKey:
    """A hash that the store has allowed something: what, and when; and the key behind it."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self.ended = 0.0  # when the store no longer knew the hash
        self._uses: OrderedDict[Use, _Allowed] = OrderedDict()

    def allow(self, use: Use, identity: Identity | None = None) -> None:
        now, before = time.monotonic(), self._uses.get(use, _NEVER)
        if identity is None and now - before.at < LATELY and before.at > self.over:
            return
        known = (identity, now) if identity else (before.identity, before.identified)
        self._uses[use] = _Allowed(now, *known)
        self._uses.move_to_end(use)
        if len(self._uses) > MOST_USES:
            self._uses.popitem(last=False)

    def forbid(self, use: Use) -> None:
        """Not this any more. What was known of the key as a whole is no longer true, either."""
        self._uses.pop(use, None)
        self._uses.pop((*use[:2], None), None)

    def allowed_within(self, seconds: float, use: Use) -> bool:
        at = self._uses.get(use, _NEVER).at
        return at > self.over and time.monotonic() - at < seconds

    def identity(self, use: Use) -> Identity | None:
        return self._uses.get(use, _NEVER).identity

    def identified_within(self, seconds: float, use: Use) -> bool:
        identified = self._uses.get(use, _NEVER).identified
        return identified > 0 and time.monotonic() - identified < seconds

    @property
    def over(self) -> float:
        """What was allowed before this moment is not any more."""
        return max(self.ended, self.allowance.ended)
