"""What a key had left when the store last spoke of it, and what was lent of that since."""

import time
from collections import deque
from uuid import UUID

from msgspec.structs import replace

from gateway.stores import AuthorizationRequest, Verdict

SPARE = 4  # so many requests of the same size must still fit, or the verdict is waited for
WINDOW = 60.0  # seconds that the rate limit speaks of


class _Loan:
    """What a request was let through with, without a hold: its bound, then what it came to."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.counted: float | None = None  # when the store had it


class Allowance:
    """Of one key, under whichever of its hashes it is shown. `verdict` is the store's last word,
    None while there is none, or none that counts any more."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self.ended = 0.0  # when the store said that the key is revoked, or has expired
        self._cap: int | None = None  # of the key's answers; None: none, or none that has shown
        self._most_granted = 0  # the longest answer that the store has allowed
        self._told = 0.0
        self._tokens = 0  # left, less what was lent
        self._requests = 0  # left of the minute, when it was told
        self._lent: deque[float] = deque()  # when requests were let through without the store
        self._loans: dict[UUID, _Loan] = {}
        self._waiting = 0  # requests whose verdict is not there yet
        self._waiting_tokens = 0

    def learn(self, ask: AuthorizationRequest, verdict: Verdict, asked: float) -> None:
        """What the store said is left, less what it had not counted when it was asked."""
        self.verdict = verdict
        if verdict.allowed:
            self._learn_cap(ask.max_output, verdict)
        self._told = time.monotonic()
        self._loans = {
            request_id: loan
            for request_id, loan in self._loans.items()
            if loan.counted is None or loan.counted >= asked
        }
        lent = sum(loan.tokens for loan in self._loans.values())
        self._tokens = (verdict.tokens_remaining or 0) - lent
        self._requests = verdict.rate_remaining or 0

    def _learn_cap(self, wanted: int, verdict: Verdict) -> None:
        """An answer that was cut although the month leaves tokens was cut to the key's cap."""
        granted = verdict.granted
        if granted < wanted and verdict.tokens_remaining:
            self._cap = self._most_granted = granted
            return
        if self._cap is not None and granted > self._cap:
            self._cap = None  # it is no longer that
        self._most_granted = max(self._most_granted, granted)

    def _capped(self, ask: AuthorizationRequest) -> int:
        return ask.max_output if self._cap is None else min(ask.max_output, self._cap)

    def end(self) -> None:
        """The key is no longer good."""
        self.verdict = None
        self.ended = time.monotonic()

    def expect(self, ask: AuthorizationRequest) -> Verdict | None:
        """The verdict that is all but certain: the last one was good, and several such requests
        fit beside those that wait."""
        if self.verdict is None or not self.verdict.allowed:
            return None
        granted = self._capped(ask)
        tokens = self._tokens - self._waiting_tokens
        enough = tokens >= SPARE * (ask.prompt_bound + granted)
        if not enough or self._requests - self._waiting < SPARE:
            return None
        return replace(self.verdict, granted=granted)

    def begin_waiting(self, ask: AuthorizationRequest) -> None:
        self._waiting += 1
        self._waiting_tokens += _most(ask)

    def end_waiting(self, ask: AuthorizationRequest) -> None:
        self._waiting -= 1
        self._waiting_tokens -= _most(ask)

    def lend(self, ask: AuthorizationRequest) -> Verdict | None:
        """A verdict without the store, within what it last left; None: that is nothing. No answer
        may be longer than one that the store has allowed: who knows what the key's cap is."""
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
        granted = min(ask.max_output, self._most_granted, self._tokens - ask.prompt_bound)
        if granted < min(ask.max_output, 1):
            return None
        self._lent.append(now)
        self._tokens -= ask.prompt_bound + granted
        self._loans[ask.request_id] = _Loan(ask.prompt_bound + granted)
        return replace(
            plain, granted=granted, rate_remaining=left - 1, tokens_remaining=self._tokens
        )

    def lent(self, request_id: UUID) -> bool:
        """Whether this request was let through without the store."""
        return request_id in self._loans

    def repay(self, request_id: UUID, used: int) -> None:
        """The request has ended: what it did not use can be lent again. What it used stays taken
        off until the store has counted it."""
        loan = self._loans.get(request_id)
        if loan is not None:
            used = min(used, loan.tokens)
            self._tokens += loan.tokens - used
            loan.tokens = used

    def counted(self, request_id: UUID) -> None:
        """The store has what the request came to."""
        loan = self._loans.get(request_id)
        if loan is not None:
            loan.counted = time.monotonic()


def _most(ask: AuthorizationRequest) -> int:
    """Tokens that it can cost at most."""
    return ask.prompt_bound + ask.max_output
