"""What this gateway remembers of one key: where it was allowed, and what it had left."""

import time
from collections import OrderedDict, deque
from uuid import UUID

from msgspec.structs import replace

from gateway.stores import Ask, Identity, Verdict

SPARE = 4  # so many requests of the same size must still fit, or the verdict is waited for
WINDOW = 60.0  # seconds that the rate limit speaks of
MOST_WAYS = 200  # a key may come with any number of models and websites

Way = tuple[str | None, str | None, str | None]  # scope, origin, model (None: whatever)


class Allowance:
    """`verdict` is the store's last word, None while it was only asked who the key is."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self.identities: dict[Way, Identity] = {}
        self._told = 0.0
        self._tokens = 0  # left, less what was lent
        self._requests = 0  # left of the minute, when it was told
        self._allowed: OrderedDict[Way, float] = OrderedDict()
        self._lent: deque[float] = deque()  # when requests were let through without the store
        self._loans: dict[UUID, int] = {}  # the tokens of those that still run
        self._waiting = 0  # requests whose verdict is not there yet
        self._waiting_tokens = 0

    def allow(self, way: Way) -> None:
        self._allowed[way] = time.monotonic()
        self._allowed.move_to_end(way)
        if len(self._allowed) > MOST_WAYS:
            oldest, _ = self._allowed.popitem(last=False)
            self.identities.pop(oldest, None)

    def forbid(self, way: Way) -> None:
        self._allowed.pop(way, None)

    def allowed_within(self, seconds: float, way: Way) -> bool:
        at = self._allowed.get(way)
        return at is not None and time.monotonic() - at < seconds

    def learn(self, verdict: Verdict) -> None:
        """What the store says is left."""
        self.verdict = verdict
        self._told = time.monotonic()
        self._tokens = (verdict.tokens_remaining or 0) - sum(self._loans.values())
        self._requests = verdict.rate_remaining or 0

    def expect(self, ask: Ask) -> Verdict | None:
        """The verdict that is all but certain: the last one was good, and several such requests
        fit beside those that wait."""
        if self.verdict is None or not self.verdict.allowed:
            return None
        tokens = self._tokens - self._waiting_tokens
        if tokens < SPARE * most(ask) or self._requests - self._waiting < SPARE:
            return None
        return replace(self.verdict, granted=ask.max_output)

    def begin_waiting(self, ask: Ask) -> None:
        self._waiting += 1
        self._waiting_tokens += most(ask)

    def end_waiting(self, ask: Ask) -> None:
        self._waiting -= 1
        self._waiting_tokens -= most(ask)

    def lend(self, ask: Ask) -> Verdict | None:
        """A verdict without the store, within what it last left; None: that is nothing."""
        if self.verdict is None:
            return None
        now = time.monotonic()
        while self._lent and now - self._lent[0] >= WINDOW:
            self._lent.popleft()
        limit = self.verdict.rate_limit or 0
        recent = now - self._told < WINDOW
        left = (self._requests if recent else limit) - len(self._lent)
        plain = replace(self.verdict, allowed=True, reason=None, retry_after_ms=None)
        if left <= 0:
            oldest = self._lent[0] if self._lent else self._told
            return replace(
                plain,
                allowed=False,
                reason="rate_limit_exceeded",
                granted=0,
                rate_remaining=0,
                retry_after_ms=max(1, round((oldest + WINDOW - now) * 1000)),
            )
        granted = min(ask.max_output, self._tokens - ask.prompt_bound)
        if granted < min(ask.max_output, 1):
            return None
        self._lent.append(now)
        self._tokens -= ask.prompt_bound + granted
        self._loans[ask.request_id] = ask.prompt_bound + granted
        return replace(
            plain, granted=granted, rate_remaining=left - 1, tokens_remaining=self._tokens
        )

    def repay(self, request_id: UUID, used: int) -> None:
        """A request that was lent tokens has ended: what it did not use can be lent again."""
        self._tokens += max(0, self._loans.pop(request_id, used) - used)


def most(ask: Ask) -> int:
    """Tokens that it can cost at most."""
    return ask.prompt_bound + ask.max_output
