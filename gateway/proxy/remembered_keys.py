"""The keys that a gateway remembers, by the hashes that callers show, and what each has left."""

import time
from collections import OrderedDict
from uuid import UUID
from weakref import WeakValueDictionary

from gateway.http.caller import Caller, Payer, place_of
from gateway.proxy.allowance import Allowance
from gateway.proxy.cached_key import CachedKey, Use
from gateway.proxy.shares import Shares
from gateway.stores import AuthorizationRequest, Identity, Settlement

MOST_KEYS = 10_000
_OF_ONE_VISITOR = {"visitor_unknown", "visitor_anonymous", "invalid_visitor_token"}
_OVER = {"key_revoked", "key_expired"}
_UNKNOWN = {"invalid_api_key", "visitor_token_expired", "visitor_token_used_up"}


class RememberedKeys:
    """Of the hashes that the store has allowed something lately, the newest last."""

    def __init__(self) -> None:
        self._cached: OrderedDict[str, CachedKey] = OrderedDict()
        # By key: after a rotation it has two hashes, but no more to spend. And by visitor.
        self._allowances: WeakValueDictionary[UUID, Allowance] = WeakValueDictionary()

    def get(self, key_hash: str) -> CachedKey | None:
        return self._cached.get(key_hash)

    def allowance(self, owner: UUID) -> Allowance:
        """Of a key or a visitor; whoever keeps it keeps it alive."""
        return self._allowances.setdefault(owner, Allowance())

    def wants_claim(self, key_hash: str) -> bool:
        """Whether the key tells its visitors apart by what is known of them here."""
        cached = self._cached.get(key_hash)
        return cached is not None and cached.wants_claim

    def payer(self, caller: Caller) -> Payer:
        """Who that is, as far as is known here: one key, one visitor, whatever they show."""
        cached, claim = self._cached.get(caller.key_hash), caller.claim
        place = place_of(claim)
        if cached is None:
            return Payer(caller.key_hash, place or claim)
        return Payer(cached.allowance, place or cached.visitor(claim) or claim)

    def forbid(self, key_hash: str, reason: str | None, use: Use) -> None:
        """The store does not allow it that."""
        cached = self._cached.get(key_hash)
        if cached is None:
            return
        if reason in _OF_ONE_VISITOR:
            return
        if reason in _OVER:
            cached.allowance.end()
        elif reason in _UNKNOWN:
            cached.ended = time.monotonic()
        else:
            cached.forbid(use)

    def remember(self, key_hash: str, key_id: UUID) -> CachedKey:
        cached = self._cached.get(key_hash)
        if cached is None:
            allowance = self.allowance(key_id)
            cached = self._cached[key_hash] = CachedKey(allowance)
        self._cached.move_to_end(key_hash)
        if len(self._cached) > MOST_KEYS:
            self._cached.popitem(last=False)
        return cached

    def shares(self, wanted: AuthorizationRequest) -> Shares | None:
        """What its caller has left; None: nothing is known of them here."""
        cached = self._cached.get(wanted.key_hash)
        return cached.shares(wanted.claim) if cached else None

    def charged(self, settlement: Settlement) -> list[Allowance]:
        """Of whom this is counted, as far as they are remembered."""
        ids = (settlement.key_id, settlement.visitor)
        found = [self._allowances.get(one) for one in ids if one is not None]
        return [allowance for allowance in found if allowance is not None]

    def identity(self, key_hash: str, use: Use, seconds: float) -> Identity | None:
        """Who the key was, if the store has said so within the last so many seconds."""
        may = self.may_go_on(key_hash, use, seconds)
        return self._cached[key_hash].identity(use) if may else None

    def may_go_on(self, key_hash: str, use: Use, seconds: float) -> bool:
        """Whether the store has allowed it that within the last so many seconds."""
        cached = self._cached.get(key_hash)
        return cached is not None and cached.allowed_within(seconds, use)
