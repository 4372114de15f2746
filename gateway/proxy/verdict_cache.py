"""What is remembered of keys, so that a distant store costs no time and its absence no answer.

**When to overlap.** A request that the store allowed within the last minute (same key, scope,
website and model), of a key that is far from its limits, may begin before the verdict is there:
`expect` says so. Nothing of its answer leaves before the verdict (overlap.py). All others wait.

**When the store is away.** Keys that it allowed within the last `grace` seconds go on within what
they had left then, or this gateway's part of it where several share the store, with any model of
their lane; nobody else is told anything but "later". What is granted here has no hold in the store:
its settlement says so and names the key, and is counted when the store is back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from gateway.core.model_names import is_allowed
from gateway.http.caller import Caller
from gateway.proxy.cached_key import CachedKey, Use
from gateway.proxy.remembered_keys import RememberedKeys
from gateway.proxy.shares import Shares
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
_LIMITS = {
    *("rate_limit_exceeded", "insufficient_quota"),
    *("visitor_rate_limit_exceeded", "visitor_quota", "visitor_tokens_held"),
}
_log = logging.getLogger("localllm.store")


class VerdictCache:
    """`overlap` is off for a store that is near. Without it and `grace` (seconds) nothing is
    remembered, and all is as the store says."""

    def __init__(self, store: Store, *, overlap: bool = False, grace: float = 0.0) -> None:
        self._store = store
        self._overlap = overlap
        self._grace = grace
        self._remembers = overlap or grace > 0
        self.keys = RememberedKeys()
        self._granted_offline: set[UUID] = set()  # requests that run without a hold
        self._probing: asyncio.Task[None] | None = None  # while the store is away
        self.took: Callable[[float], None] = lambda seconds: None  # for an answer of the store
        self._identifying: dict[str, asyncio.Task[None]] = {}  # by hash

    def near_limit(self, wanted: AuthorizationRequest) -> UUID | None:
        """The key, if the store last left so little of its tokens that a grant may be cut."""
        shares = self.keys.shares(wanted)
        return shares.near_limit(wanted, self._store.gateways) if shares else None

    def near_limit_elsewhere(self, wanted: AuthorizationRequest) -> UUID | None:
        """The same, if other gateways ask the store for it, too: they know nothing of what has
        ended here until it is counted."""
        alone = self._store.gateways < 2 or self._probing is not None
        return None if alone else self.near_limit(wanted)

    def expect(self, wanted: AuthorizationRequest) -> Verdict | None:
        """The verdict to begin with before it is there; None: wait for it."""
        cached = self.keys.get(wanted.key_hash)
        if not self._overlap or self._probing or cached is None:
            return None
        shares = cached.shares(wanted.claim)
        if shares is None or not cached.allowed_within(FRESH, _use(wanted)):
            return None
        return shares.expect(wanted, FRESH)

    async def authorize(self, wanted: AuthorizationRequest) -> Verdict:
        """The store's verdict; while it is away, what its last one leaves room for.

        Raises StoreUnavailable where that is nothing."""
        if self._probing:
            verdict = self._grant_offline(wanted)
            if verdict is not None:
                return verdict
        shares = self.keys.shares(wanted)
        asked_at = time.monotonic()
        if shares is not None:
            shares.begin_waiting(wanted)
        try:
            verdict = await self._store.authorize(wanted)
            self.took(time.monotonic() - asked_at)
        except StoreUnavailable as problem:
            self._begin_probing(problem)
            verdict = self._grant_offline(wanted)
            if verdict is None:
                raise
            return verdict
        finally:
            if shares is not None:
                shares.end_waiting(wanted)
        self._learn(wanted, verdict, asked_at)
        return verdict

    async def identify(self, caller: Caller, scope: str | None, origin: str | None) -> Identity:
        """Who the caller is; while the store is away, who it was. Raises StoreUnavailable."""
        key_hash, use = caller.key_hash, (scope, origin, None)
        if self._probing and (identity := self.keys.identity(key_hash, use, self._grace)):
            return identity
        asked_at = time.monotonic()
        try:
            identity = await self._store.identify(key_hash, scope, origin, caller.claim)
        except StoreUnavailable as problem:
            self._begin_probing(problem)
            if identity := self.keys.identity(key_hash, use, self._grace):
                return identity
            raise
        if not identity.allowed:
            self.keys.forbid(key_hash, identity.reason, use)
        elif self._remembers and identity.key_id:
            cached = self.keys.remember(key_hash, identity.key_id)
            if asked_at >= cached.over:
                if identity.visitor is not None:  # whose limits are not known yet
                    visitor = self.keys.allowance(identity.visitor)
                    cached.meet(caller.claim, visitor)
                cached.allow(use, identity)
        return identity

    async def denial(
        self, caller: Caller, scope: str, origin: str | None, *, recent: bool
    ) -> str | None:
        """Why the caller may not use this scope at all; None where it may. `recent`: that its key
        might within the last minute will do. Raises StoreUnavailable."""
        use = scope, origin, None
        if recent and self.keys.may_go_on(caller.key_hash, use, FRESH):
            return None
        try:
            identity = await self.identify(caller, scope, origin)
        except StoreUnavailable:
            if not self.keys.may_go_on(caller.key_hash, use, self._grace):
                raise
            return None
        return None if identity.allowed else identity.reason or "invalid_api_key"

    def finished(self, settlement: Settlement) -> None:
        """A settlement is final: what its request was granted offline and did not use is free."""
        if settlement.request_id not in self._granted_offline:
            return
        self._granted_offline.remove(settlement.request_id)
        settlement.granted_offline = True
        used = settlement.prompt_tokens + settlement.completion_tokens
        for allowance in self.keys.charged(settlement):
            allowance.return_unused(settlement.request_id, used)

    def counted(self, settlements: Sequence[Settlement]) -> None:
        """The store has these."""
        for one in settlements:
            if one.granted_offline:
                for allowance in self.keys.charged(one):
                    allowance.counted(one.request_id)

    async def close(self) -> None:
        tasks = [*self._identifying.values(), *filter(None, [self._probing])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _learn(self, wanted: AuthorizationRequest, verdict: Verdict, asked_at: float) -> None:
        use = _use(wanted)
        if not verdict.allowed and verdict.reason not in _LIMITS:
            self.keys.forbid(wanted.key_hash, verdict.reason, use)
        elif self._remembers and verdict.key_id:
            if not verdict.allowed and self.keys.get(wanted.key_hash) is None:
                return
            cached = self.keys.remember(wanted.key_hash, verdict.key_id)
            if asked_at < cached.over:  # it was overtaken by a later word: the key is over
                return
            self._learn_shares(cached, wanted, verdict, asked_at)
            if verdict.allowed:
                cached.allow(use)
                cached.allow(_lane(wanted))
                route, _, privilege = wanted.scope.partition(" ")
                if privilege:
                    cached.allow((route, wanted.origin, None))  # as `denial` asks
                if self._grace > 0:
                    self._learn_lane(wanted, cached)

    def _learn_shares(
        self,
        cached: CachedKey,
        wanted: AuthorizationRequest,
        verdict: Verdict,
        asked_at: float,
    ) -> None:
        if verdict.visitor is None and wanted.claim is None:
            cached.allowance.learn(wanted, verdict, asked_at)
            return
        visitor = None
        if verdict.visitor is not None:
            visitor = self.keys.allowance(verdict.visitor.id)
            if verdict.visitor.good_for_ms is not None:
                cached.good_until = asked_at + verdict.visitor.good_for_ms / 1000
        cached.meet(wanted.claim, visitor)
        Shares(cached.allowance, visitor).learn(wanted, verdict, asked_at)

    def _learn_lane(self, wanted: AuthorizationRequest, cached: CachedKey) -> None:
        """Ask beside the request which models the key may use, in case the store goes away."""
        lane = _lane(wanted)
        known = cached.identified_within(self._grace / 2, lane)
        if not known and wanted.key_hash not in self._identifying:
            task = asyncio.create_task(self._identify(wanted, cached))
            self._identifying[wanted.key_hash] = task

    async def _identify(self, wanted: AuthorizationRequest, cached: CachedKey) -> None:
        asked_at = time.monotonic()
        try:
            with contextlib.suppress(StoreUnavailable):
                identity = await self._store.identify(
                    wanted.key_hash, wanted.scope, wanted.origin, wanted.claim
                )
                if identity.allowed and asked_at >= cached.over:
                    cached.allow(_lane(wanted), identity)
        finally:
            del self._identifying[wanted.key_hash]

    def _grant_offline(self, wanted: AuthorizationRequest) -> Verdict | None:
        shares = self.keys.shares(wanted) if self._is_in_lane(wanted) else None
        verdict = shares.grant_offline(wanted, self._store.gateways) if shares else None
        if verdict is not None and verdict.allowed:
            self._granted_offline.add(wanted.request_id)
        return verdict

    def _is_in_lane(self, wanted: AuthorizationRequest) -> bool:
        """Whether the key was lately allowed this model, or everything but has it in its lane."""
        if self.keys.may_go_on(wanted.key_hash, _use(wanted), self._grace):
            return True
        identity = self.keys.identity(wanted.key_hash, _lane(wanted), self._grace)
        return identity is not None and is_allowed(wanted.model, identity.allowed_models)

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


def _lane(wanted: AuthorizationRequest) -> Use:
    return wanted.scope, wanted.origin, None


def _use(wanted: AuthorizationRequest) -> Use:
    return wanted.scope, wanted.origin, wanted.model
