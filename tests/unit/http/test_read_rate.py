"""Routes that only read take as many questions in a minute as one key can sensibly have."""

import pytest

from gateway.http import read_rate
from gateway.http.read_rate import PER_MINUTE, ReadRate


class Time:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_a_minute_s_questions_may_come_at_once_and_then_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
):
    time, rate = Time(), ReadRate()
    monkeypatch.setattr(read_rate, "time", time)
    assert not any(rate.refusal("a") for _ in range(PER_MINUTE))
    refusal = rate.refusal("a")
    assert refusal
    assert refusal.kind.status == 429
    assert 0 < (refusal.retry_after_ms or 0) <= 60_000 / PER_MINUTE + 1
    assert rate.refusal("b") is None
    time.now += 60 / PER_MINUTE + 0.001
    assert rate.refusal("a") is None
    assert rate.refusal("a") is not None
    time.now += 60
    assert not any(rate.refusal("a") for _ in range(PER_MINUTE))


def test_keys_that_ask_as_often_as_they_may_are_never_refused(monkeypatch: pytest.MonkeyPatch):
    time, rate = Time(), ReadRate()
    monkeypatch.setattr(read_rate, "time", time)
    for _ in range(10 * PER_MINUTE):
        assert rate.refusal("a") is None
        time.now += 60 / PER_MINUTE
