"""What the verdict cache remembers of one hash: what the store has allowed it, and when."""

import math
import time
from collections import OrderedDict
from typing import NamedTuple

from gateway.proxy.allowance import Allowance
from gateway.proxy.shares import Shares
from gateway.stores import Claim, Identity

MOST_USES = 200  # a key may come with any number of models and websites
MOST_VISITORS = 1000  # of one key that are remembered
LATELY = 1.0  # seconds in which a use that was allowed need not be noted again

Use = tuple[str | None, str | None, str | None]  # scope, origin, model (None: whatever)


class _Allowed(NamedTuple):
    """When the store last said yes, and what it last said of the key as a whole."""

    at: float = 0.0
    identity: Identity | None = None
    identified: float = 0.0  # when that was


_NEVER = _Allowed()


class CachedKey:
    """A hash that the store has allowed something: what, and when; and the key behind it.
    `wants_claim`: its visitors are told apart by what the gateway knows of them."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self.plain = Shares(allowance)  # of who is no visitor
        self.wants_claim = False
        self.ended = 0.0  # when the store no longer knew the hash
        self.good_until = math.inf  # when a visitor's token ends by itself
        self._visitors: OrderedDict[Claim | None, Allowance] = OrderedDict()
        self._uses: OrderedDict[Use, _Allowed] = OrderedDict()

    def shares(self, claim: Claim | None) -> Shares | None:
        """Of this caller; None: a visitor of whom nothing is known here."""
        if not self._visitors and not self.wants_claim:
            return self.plain
        visitor = self._visitors.get(claim)
        if visitor is None and (claim or self.wants_claim):
            return None
        return Shares(self.allowance, visitor)

    def visitor(self, claim: Claim | None) -> Allowance | None:
        return self._visitors.get(claim)

    def meet(self, claim: Claim | None, visitor: Allowance | None) -> None:
        """Who that caller is; None: nobody in particular."""
        if visitor is None:
            self.wants_claim = self.wants_claim and claim is None
            self._visitors.pop(claim, None)
            return
        self.wants_claim = claim is not None
        self._visitors[claim] = visitor
        self._visitors.move_to_end(claim)
        if len(self._visitors) > MOST_VISITORS:
            self._visitors.popitem(last=False)

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
        at, now = self._uses.get(use, _NEVER).at, time.monotonic()
        return at > self.over and now - at < seconds and now < self.good_until

    def identity(self, use: Use) -> Identity | None:
        return self._uses.get(use, _NEVER).identity

    def identified_within(self, seconds: float, use: Use) -> bool:
        identified = self._uses.get(use, _NEVER).identified
        return identified > 0 and time.monotonic() - identified < seconds

    @property
    def over(self) -> float:
        """What was allowed before this moment is not any more."""
        return max(self.ended, self.allowance.ended)
