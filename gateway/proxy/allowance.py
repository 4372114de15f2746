"""What a key, or a visitor, had left when the store last spoke of it, less what was granted offline
since."""

import time
from collections import deque
from uuid import UUID

from msgspec.structs import replace

from gateway.stores import AuthorizationRequest, Verdict

LEAST_GRANT = 256  # tokens; as in gateway.least_grant
SPARE = 4  # so many requests of the same size must still fit, or the verdict is waited for
MOST_EARLY = 8  # requests whose verdict is not there; more would only wait for the model, too
WINDOW = 60.0  # seconds that the rate limit speaks of


class _OfflineGrant:
    """What a request was let through with, without a hold: its bound, then what it came to."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.counted: float | None = None  # when the store had it


class Allowance:
    """Of one key, under whichever of its hashes it is shown, or of one of its visitors. `verdict`
    is the store's last word, None while there is none, or none that counts any more."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self.ended = 0.0  # when the store said that the key is revoked, or has expired
        self._cap: int | None = None  # of the key's answers; None: none, or none that has shown
        self._most_granted = 0  # the longest answer that the store has allowed
        self._told = 0.0
        self._tokens = 0  # left, less what was granted offline
        self._granted = 0  # offline, and not counted yet
        self._requests = 0  # left of the minute, when it was told
        self._offline: deque[float] = deque()  # when requests were let through without the store
        self._grants: dict[UUID, _OfflineGrant] = {}
        self._waiting = 0  # requests whose verdict is not there yet
        self._waiting_tokens = 0

    def learn(self, wanted: AuthorizationRequest, verdict: Verdict, asked_at: float) -> None:
        """What the store said is left, less what it had not counted when it was asked."""
        self.verdict = verdict
        if verdict.allowed:
            self._learn_cap(wanted, verdict)
        self._told = time.monotonic()
        if self._grants:
            self._grants = {
                request_id: grant
                for request_id, grant in self._grants.items()
                if grant.counted is None or grant.counted >= asked_at
            }
            self._granted = sum(grant.tokens for grant in self._grants.values())
        self._tokens = (verdict.tokens_remaining or 0) - self._granted
        self._requests = verdict.rate_remaining or 0

    def _learn_cap(self, wanted: AuthorizationRequest, verdict: Verdict) -> None:
        """An answer that was cut although the month leaves tokens was cut to the key's cap; one
        without a length of its own, if the month leaves more than others get beside it."""
        granted, left = verdict.granted, verdict.tokens_remaining or 0
        if granted < wanted.max_output and left >= (1 if wanted.capped else SPARE * granted):
            self._cap = self._most_granted = granted
            return
        if self._cap is not None and granted > self._cap:
            self._cap = None  # it is no longer that
        self._most_granted = max(self._most_granted, granted)

    def _capped(self, wanted: AuthorizationRequest) -> int:
        return wanted.max_output if self._cap is None else min(wanted.max_output, self._cap)

    def end(self) -> None:
        """The key is no longer good."""
        self.verdict = None
        self.ended = time.monotonic()

    def expect(self, wanted: AuthorizationRequest) -> Verdict | None:
        """The verdict that is all but certain: the last one was good, and several such requests
        fit beside those that wait. Should it be a no, these have kept the model busy for one round
        trip, so they are few."""
        if self.verdict is None or not self.verdict.allowed or self._waiting >= MOST_EARLY:
            return None
        granted = self._capped(wanted)
        tokens = self._tokens - self._waiting_tokens
        enough = tokens >= SPARE * (wanted.prompt_bound + granted)
        if not enough or self._requests - self._waiting < SPARE:
            return None
        return replace(self.verdict, granted=granted)

    def near_limit(self, wanted: AuthorizationRequest, gateways: int) -> UUID | None:
        """The key, if what the store last left is little: a grant may be cut. Each of the gateways
        may have used as much since."""
        verdict = self.verdict
        if verdict is None or verdict.tokens_remaining is None:
            return None
        fits = 1 if wanted.capped else SPARE
        needed = wanted.prompt_bound + fits * self._capped(wanted)
        return verdict.key_id if verdict.tokens_remaining < gateways * needed else None

    def begin_waiting(self, wanted: AuthorizationRequest) -> None:
        self._waiting += 1
        self._waiting_tokens += _most(wanted)

    def end_waiting(self, wanted: AuthorizationRequest) -> None:
        self._waiting -= 1
        self._waiting_tokens -= _most(wanted)

    def told_within(self, seconds: float) -> bool:
        """Whether the store spoke of it in the last so many seconds."""
        return self.verdict is not None and time.monotonic() - self._told < seconds

    def offline_verdict(self, wanted: AuthorizationRequest, gateways: int) -> Verdict | None:
        """A verdict without the store, within this gateway's part of what it last left; None: that
        is nothing. No answer may be longer than one that the store has allowed: who knows what the
        key's cap is. `grant_offline` notes what it allows."""
        if self.verdict is None:
            return None
        now = time.monotonic()
        while self._offline and now - self._offline[0] >= WINDOW:
            self._offline.popleft()
        limit = self.verdict.rate_limit or 0
        recent = now - self._told < WINDOW
        left = (self._requests if recent else limit) // gateways - len(self._offline)
        plain = replace(self.verdict, allowed=True, reason=None, retry_after_ms=None)
        if left <= 0:
            oldest = self._offline[0] if self._offline else self._told
            return replace(
                plain,
                allowed=False,
                reason="rate_limit_exceeded",
                granted=0,
                rate_remaining=0,
                retry_after_ms=max(1, round((oldest + WINDOW - now) * 1000)),
            )
        part = (self._tokens + self._granted) // gateways - self._granted
        granted = min(wanted.max_output, self._most_granted, part - wanted.prompt_bound)
        if granted < min(wanted.max_output, 1):
            return None
        if not wanted.capped:
            granted = min(granted, max(LEAST_GRANT, (part - wanted.prompt_bound) // SPARE))
        remaining = part - wanted.prompt_bound - granted
        return replace(plain, granted=granted, rate_remaining=left - 1, tokens_remaining=remaining)

    def grant_offline(self, wanted: AuthorizationRequest, granted: int) -> None:
        """So many output tokens were granted without the store."""
        cost = wanted.prompt_bound + granted
        self._offline.append(time.monotonic())
        self._tokens -= cost
        self._granted += cost
        self._grants[wanted.request_id] = _OfflineGrant(cost)

    def return_unused(self, request_id: UUID, used: int) -> None:
        """The request has ended: what it did not use can be granted again. What it used stays taken
        off until the store has counted it."""
        grant = self._grants.get(request_id)
        if grant is not None:
            used = min(used, grant.tokens)
            self._tokens += grant.tokens - used
            self._granted -= grant.tokens - used
            grant.tokens = used

    def counted(self, request_id: UUID) -> None:
        """The store has what the request came to."""
        grant = self._grants.get(request_id)
        if grant is not None:
            grant.counted = time.monotonic()


def _most(wanted: AuthorizationRequest) -> int:
    """Tokens that it can cost at most."""
    return wanted.prompt_bound + wanted.max_output
