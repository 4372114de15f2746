"""What one caller may have: of what the key has left, and of what its visitor has."""

from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from gateway.proxy.allowance import Allowance
from gateway.stores import AuthorizationRequest, Verdict

UNLIMITED = 10**12  # more than anybody asks for


class Shares(NamedTuple):
    """`visitor`: None for a key that has no visitors. A request has to fit into both."""

    key: Allowance
    visitor: Allowance | None = None

    def learn(self, wanted: AuthorizationRequest, verdict: Verdict, asked_at: float) -> None:
        """What the store said of both."""
        self.key.learn(wanted, verdict, asked_at)
        if self.visitor is not None:
            self.visitor.learn(wanted, as_of_visitor(verdict), asked_at)

    def near_limit(self, wanted: AuthorizationRequest, gateways: int) -> UUID | None:
        """The key, if one of the two has little left: a grant may be cut."""
        near = self.key.near_limit(wanted, gateways)
        return near or (self.visitor.near_limit(wanted, gateways) if self.visitor else None)

    def expect(self, wanted: AuthorizationRequest, fresh: float) -> Verdict | None:
        """The verdict that is all but certain. `fresh`: seconds since the store last spoke of the
        visitor; others speak for the key."""
        expected = self.key.expect(wanted)
        if expected is None or self.visitor is None:
            return expected
        of_visitor = self.visitor.expect(wanted) if self.visitor.told_within(fresh) else None
        return _narrower(expected, of_visitor)

    def grant_offline(self, wanted: AuthorizationRequest, gateways: int) -> Verdict | None:
        """A verdict without the store, of which both take note; None: there is nothing left."""
        verdict = self.key.offline_verdict(wanted, gateways)
        if verdict is not None and verdict.allowed and self.visitor is not None:
            verdict = _narrower(verdict, self.visitor.offline_verdict(wanted, gateways))
        if verdict is not None and verdict.allowed:
            for allowance in self:
                if allowance is not None:
                    allowance.grant_offline(wanted, verdict.granted)
        return verdict

    def begin_waiting(self, wanted: AuthorizationRequest) -> None:
        for allowance in self:
            if allowance is not None:
                allowance.begin_waiting(wanted)

    def end_waiting(self, wanted: AuthorizationRequest) -> None:
        for allowance in self:
            if allowance is not None:
                allowance.end_waiting(wanted)


def as_of_visitor(verdict: Verdict) -> Verdict:
    """The verdict with the limits of its visitor in place of the key's."""
    told = verdict.visitor
    assert told is not None
    return replace(
        verdict,
        rate_limit=UNLIMITED if told.rate_limit is None else told.rate_limit,
        rate_remaining=UNLIMITED if told.rate_remaining is None else told.rate_remaining,
        token_limit=UNLIMITED if told.token_limit is None else told.token_limit,
        tokens_remaining=UNLIMITED if told.tokens_remaining is None else told.tokens_remaining,
    )


def _narrower(of_key: Verdict, of_visitor: Verdict | None) -> Verdict | None:
    if of_visitor is None:
        return None
    if not of_visitor.allowed:
        return replace(
            of_key,
            allowed=False,
            granted=0,
            reason="visitor_rate_limit_exceeded",
            retry_after_ms=of_visitor.retry_after_ms,
            visitor=of_visitor.visitor,
        )
    granted = min(of_key.granted, of_visitor.granted)
    return replace(of_key, granted=granted, visitor=of_visitor.visitor)
