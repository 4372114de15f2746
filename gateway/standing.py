"""What is remembered of keys, so that a distant store costs no time and its absence no answer.

**When to overlap.** A request that the store allowed within the last minute (same key, scope,
website and model), of a key that is far from its limits, may begin before the verdict is there:
`expect` says so. Nothing of its answer leaves before the verdict (overlap.py). All others wait.

**When the store is away.** Keys that it allowed within the last `grace` seconds go on within what
they had left then; nobody else is told anything but "later". What is granted here has no hold in
the store: its settlement names the key, and is counted when the store is back.
"""

import asyncio
import logging
from collections import OrderedDict

from gateway.allowance import Allowance, Way
from gateway.stores import Ask, Identity, Settlement, Store, StoreUnavailable, Verdict

FRESH = 60.0  # seconds
PROBE = 2.0  # seconds between two looks whether the store is back
MOST_KEYS = 10_000
_LIMITS = {"rate_limit_exceeded", "insufficient_quota"}
_OVER = {"invalid_api_key", "key_revoked", "key_expired"}
_log = logging.getLogger("localllm.store")


class Standing:
    """`overlap` and `grace` (seconds) are off for a store that is near: then nothing is
    remembered, and all is as the store says."""

    def __init__(self, store: Store, *, overlap: bool = False, grace: float = 0.0) -> None:
        self._store = store
        self._overlap = overlap
        self._grace = grace
        self._keys: OrderedDict[str, Allowance] = OrderedDict()  # by hash, the newest last
        self._probing: asyncio.Task[None] | None = None  # while the store is away

    def expect(self, ask: Ask) -> Verdict | None:
        """The verdict to begin with before it is there; None: wait for it."""
        key = self._keys.get(ask.key_hash)
        if not self._overlap or self._probing or key is None:
            return None
        return key.expect(ask) if key.allowed_within(FRESH, _way(ask)) else None

    async def authorize(self, ask: Ask) -> Verdict:
        """The store's verdict; while it is away, what its last one leaves room for.

        Raises StoreUnavailable where that is nothing."""
        key = self._keys.get(ask.key_hash)
        if self._probing:
            verdict = self._lend(key, ask)
            if verdict is not None:
                return verdict
        if key is not None:
            key.begin_waiting(ask)
        try:
            verdict = await self._store.authorize(ask)
        except StoreUnavailable as problem:
            self._begin_probing(problem)
            verdict = self._lend(key, ask)
            if verdict is None:
                raise
            return verdict
        finally:
            if key is not None:
                key.end_waiting(ask)
        self._learn(ask, verdict)
        return verdict

    async def identify(self, key_hash: str, scope: str | None, origin: str | None) -> Identity:
        """Who the key is; while the store is away, who it was. Raises StoreUnavailable."""
        way = scope, origin, None
        try:
            identity = await self._store.identify(key_hash, scope, origin)
        except StoreUnavailable as problem:
            self._begin_probing(problem)
            key = self._keys.get(key_hash)
            if key is None or way not in key.identities or not self._may_go_on(key, way):
                raise
            return key.identities[way]
        if self._may_remember and identity.allowed:
            key = self._remembered(key_hash)
            key.allow(way)
            key.identities[way] = identity
        elif identity.reason in _OVER:
            self._keys.pop(key_hash, None)
        elif key_hash in self._keys:
            self._keys[key_hash].forbid(way)
        return identity

    async def denial(self, key_hash: str, scope: str, origin: str | None) -> str | None:
        """Why the key may not use this scope at all; None where it may, or did a moment ago.

        Raises StoreUnavailable."""
        key, way = self._keys.get(key_hash), (scope, origin, None)
        if key is not None and key.allowed_within(FRESH, way):
            return None
        try:
            identity = await self.identify(key_hash, scope, origin)
        except StoreUnavailable:
            if key is None or not self._may_go_on(key, way):
                raise
            return None
        return None if identity.allowed else identity.reason or "invalid_api_key"

    def settled(self, key_hash: str, settlement: Settlement) -> None:
        """A request has ended: what it was lent and did not use can be lent again."""
        key = self._keys.get(key_hash)
        if key is not None:
            used = settlement.prompt_tokens + settlement.completion_tokens
            key.repay(settlement.request_id, used)

    async def close(self) -> None:
        if self._probing:
            self._probing.cancel()
            await asyncio.wait([self._probing])

    @property
    def _may_remember(self) -> bool:
        return self._overlap or self._grace > 0

    def _learn(self, ask: Ask, verdict: Verdict) -> None:
        if not self._may_remember:
            return
        if verdict.reason in _OVER:
            self._keys.pop(ask.key_hash, None)
        elif verdict.allowed:
            key = self._remembered(ask.key_hash)
            key.learn(verdict)
            key.allow(_way(ask))
            key.allow((ask.scope, ask.origin, None))
        elif ask.key_hash in self._keys:
            key = self._keys[ask.key_hash]
            if verdict.reason in _LIMITS:
                key.learn(verdict)
            else:
                key.forbid(_way(ask))

    def _remembered(self, key_hash: str) -> Allowance:
        key = self._keys.setdefault(key_hash, Allowance())
        self._keys.move_to_end(key_hash)
        if len(self._keys) > MOST_KEYS:
            self._keys.popitem(last=False)
        return key

    def _lend(self, key: Allowance | None, ask: Ask) -> Verdict | None:
        return key.lend(ask) if key and self._may_go_on(key, _way(ask)) else None

    def _may_go_on(self, key: Allowance, way: Way) -> bool:
        return key.allowed_within(self._grace, way)

    def _begin_probing(self, problem: StoreUnavailable) -> None:
        """So that known keys do not wait each time until the store has not answered again."""
        if self._probing is None and self._grace > 0:
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


def _way(ask: Ask) -> Way:
    return ask.scope, ask.origin, ask.model
