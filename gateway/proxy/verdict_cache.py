"""What is remembered of keys, so that a distant store costs no time and its absence no answer.

**When to overlap.** A request that the store allowed within the last minute (same key, scope,
website and model), of a key that is far from its limits, may begin before the verdict is there:
`expect` says so. Nothing of its answer leaves before the verdict (overlap.py). All others wait.

**When the store is away.** Keys that it allowed within the last `grace` seconds go on within what
they had left then; nobody else is told anything but "later". What is granted here has no hold in
the store: its settlement says so and names the key, and is counted when the store is back.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID
from weakref import WeakValueDictionary

from gateway.proxy.allowance import Allowance
from gateway.stores import (
    AuthorizationRequest,
    Identity,
    Settlement,
    Store,
    StoreUnavailable,
    Verdict,
)

FRESH = 60.0  # seconds
PROBE = 2.0  # seconds between two looks whether the store is back
MOST_KEYS = 10_000
MOST_WAYS = 200  # a key may come with any number of models and websites
_LIMITS = {"rate_limit_exceeded", "insufficient_quota"}
_OVER = {"key_revoked", "key_expired"}
_log = logging.getLogger("localllm.store")

Way = tuple[str | None, str | None, str | None]  # scope, origin, model (None: whatever)


class CachedKey:
    """A hash that the store has allowed something: what, and when; and the key behind it."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self.ended = 0.0  # when the store no longer knew the hash
        self._ways: OrderedDict[Way, tuple[float, Identity | None]] = OrderedDict()

    def allow(self, way: Way, identity: Identity | None = None) -> None:
        _, before = self._ways.get(way, (0.0, None))
        self._ways[way] = time.monotonic(), identity or before
        self._ways.move_to_end(way)
        if len(self._ways) > MOST_WAYS:
            self._ways.popitem(last=False)

    def forbid(self, way: Way) -> None:
        self._ways.pop(way, None)

    def allowed_within(self, seconds: float, way: Way) -> bool:
        at, _ = self._ways.get(way, (0.0, None))
        return at > self.over and time.monotonic() - at < seconds

    def identity(self, way: Way) -> Identity | None:
        return self._ways.get(way, (0.0, None))[1]

    @property
    def over(self) -> float:
        """What was allowed before this moment is not any more."""
        return max(self.ended, self.allowance.ended)


class VerdictCache:
    """`overlap` and `grace` (seconds) are off for a store that is near: then nothing is
    remembered, and all is as the store says."""

    def __init__(self, store: Store, *, overlap: bool = False, grace: float = 0.0) -> None:
        self._store = store
        self._overlap = overlap
        self._grace = grace
        self._remembers = overlap or grace > 0
        self._known: OrderedDict[str, CachedKey] = OrderedDict()  # by hash, the newest last
        # By key: after a rotation it has two hashes, but no more to spend.
        self._allowances: WeakValueDictionary[UUID, Allowance] = WeakValueDictionary()
        self._probing: asyncio.Task[None] | None = None  # while the store is away

    def expect(self, ask: AuthorizationRequest) -> Verdict | None:
        """The verdict to begin with before it is there; None: wait for it."""
        cached = self._known.get(ask.key_hash)
        if not self._overlap or self._probing or cached is None:
            return None
        return cached.allowance.expect(ask) if cached.allowed_within(FRESH, _way(ask)) else None

    async def authorize(self, ask: AuthorizationRequest) -> Verdict:
        """The store's verdict; while it is away, what its last one leaves room for.

        Raises StoreUnavailable where that is nothing."""
        if self._probing:
            verdict = self._lend(ask)
            if verdict is not None:
                return verdict
        cached = self._known.get(ask.key_hash)
        asked = time.monotonic()
        if cached is not None:
            cached.allowance.begin_waiting(ask)
        try:
            verdict = await self._store.authorize(ask)
        except StoreUnavailable as problem:
            self._begin_probing(problem)
            verdict = self._lend(ask)
            if verdict is None:
                raise
            return verdict
        finally:
            if cached is not None:
                cached.allowance.end_waiting(ask)
        self._learn(ask, verdict, asked)
        return verdict

    async def identify(self, key_hash: str, scope: str | None, origin: str | None) -> Identity:
        """Who the key is; while the store is away, who it was. Raises StoreUnavailable."""
        way = scope, origin, None
        if self._probing and (identity := self._identity(key_hash, way)):
            return identity
        asked = time.monotonic()
        try:
            identity = await self._store.identify(key_hash, scope, origin)
        except StoreUnavailable as problem:
            self._begin_probing(problem)
            if identity := self._identity(key_hash, way):
                return identity
            raise
        if not identity.allowed:
            self._forbid(key_hash, identity.reason, way)
        elif self._remembers and identity.key_id:
            cached = self._remembered(key_hash, identity.key_id)
            if asked >= cached.over:
                cached.allow(way, identity)
        return identity

    async def denial(
        self, key_hash: str, scope: str, origin: str | None, *, lately: bool
    ) -> str | None:
        """Why the key may not use this scope at all; None where it may. `lately`: that it might
        within the last minute will do. Raises StoreUnavailable."""
        way = scope, origin, None
        if lately and self._may_go_on(key_hash, way, FRESH):
            return None
        try:
            identity = await self.identify(key_hash, scope, origin)
        except StoreUnavailable:
            if not self._may_go_on(key_hash, way, self._grace):
                raise
            return None
        return None if identity.allowed else identity.reason or "invalid_api_key"

    def settled(self, key_hash: str, settlement: Settlement) -> None:
        """A request has ended: what it was lent and did not use can be lent again."""
        cached = self._known.get(key_hash)
        if cached is not None and cached.allowance.lent(settlement.request_id):
            settlement.lent = True
            used = settlement.prompt_tokens + settlement.completion_tokens
            cached.allowance.repay(settlement.request_id, used)

    def counted(self, settlements: Sequence[Settlement]) -> None:
        """The store has these."""
        for one in settlements:
            allowance = self._allowances.get(one.key_id) if one.lent and one.key_id else None
            if allowance is not None:
                allowance.counted(one.request_id)

    async def close(self) -> None:
        if self._probing:
            self._probing.cancel()
            await asyncio.wait([self._probing])

    def _learn(self, ask: AuthorizationRequest, verdict: Verdict, asked: float) -> None:
        way = _way(ask)
        if not verdict.allowed and verdict.reason not in _LIMITS:
            self._forbid(ask.key_hash, verdict.reason, way)
        elif self._remembers and verdict.key_id:
            if not verdict.allowed and ask.key_hash not in self._known:
                return
            cached = self._remembered(ask.key_hash, verdict.key_id)
            if asked < cached.over:  # it was overtaken by a later word: the key is over
                return
            cached.allowance.learn(ask, verdict, asked)
            if verdict.allowed:
                cached.allow(way)
                route = ask.scope.partition(" ")[0]  # as `denial` asks
                cached.allow((route, ask.origin, None))

    def _forbid(self, key_hash: str, reason: str | None, way: Way) -> None:
        cached = self._known.get(key_hash)
        if cached is None:
            return
        if reason in _OVER:
            cached.allowance.end()
        elif reason == "invalid_api_key":
            cached.ended = time.monotonic()
        else:
            cached.forbid(way)

    def _remembered(self, key_hash: str, key_id: UUID) -> CachedKey:
        cached = self._known.get(key_hash)
        if cached is None:
            allowance = self._allowances.setdefault(key_id, Allowance())
            cached = self._known[key_hash] = CachedKey(allowance)
        self._known.move_to_end(key_hash)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
        return cached

    def _lend(self, ask: AuthorizationRequest) -> Verdict | None:
        if not self._may_go_on(ask.key_hash, _way(ask), self._grace):
            return None
        return self._known[ask.key_hash].allowance.lend(ask)

    def _identity(self, key_hash: str, way: Way) -> Identity | None:
        may = self._may_go_on(key_hash, way, self._grace)
        return self._known[key_hash].identity(way) if may else None

    def _may_go_on(self, key_hash: str, way: Way, seconds: float) -> bool:
        cached = self._known.get(key_hash)
        return cached is not None and cached.allowed_within(seconds, way)

    def _begin_probing(self, problem: StoreUnavailable) -> None:
        """So that known keys do not wait each time until the store has not answered again."""
        if self._probing is None and self._remembers:
            _log.warning("the store is away, known keys go on meanwhile: %s", problem)
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        try:
            while True:
                await asyncio.sleep(PROBE)
                try:
                    await self._store.check()
                    break
                except StoreUnavailable:
                    pass
            _log.warning("the store is back")
        finally:
            self._probing = None


def _way(ask: AuthorizationRequest) -> Way:
    return ask.scope, ask.origin, ask.model
