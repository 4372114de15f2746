"""A key that was told that it is at a limit is not asked for its next large body."""

import pytest

from gateway.core.errors import Refusal
from gateway.proxy import known_limits
from gateway.proxy.known_limits import QUOTA_SECONDS, KnownLimits

RATE = Refusal("rate_limit_exceeded", retry_after_ms=20_000)
QUOTA = Refusal("insufficient_quota", "so many are left")


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(known_limits, "time", made)
    return made


def test_a_rate_limit_holds_for_as_long_as_the_store_said(time: Time):
    known = KnownLimits()
    known.note("a", 100_000, RATE)
    time.now += 15
    refusal = known.refusal("a", 70_000)
    assert refusal
    assert (refusal.reason, refusal.retry_after) == ("rate_limit_exceeded", 6)
    assert known.refusal("b", 70_000) is None
    time.now += 5.1
    assert known.refusal("a", 70_000) is None


def test_a_quota_holds_for_a_moment_and_for_bodies_that_are_no_smaller(time: Time):
    known = KnownLimits()
    known.note("a", 100_000, QUOTA)
    assert known.refusal("a", 100_000) == QUOTA
    assert known.refusal("a", float("inf")) == QUOTA
    assert known.refusal("a", 99_999) is None
    time.now += QUOTA_SECONDS + 0.1
    assert known.refusal("a", 100_000) is None


def test_what_is_no_limit_of_the_key_is_not_remembered(time: Time):
    known = KnownLimits()
    for reason in ("queue_full", "store_unavailable", "invalid_api_key", "upstream_error"):
        known.note("a", 100_000, Refusal(reason, retry_after_ms=5000))
    assert known.refusal("a", 100_000) is None
