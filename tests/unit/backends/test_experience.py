"""What reports teach is bounded, whatever callers make models report."""

import pytest

from gateway.backends import experience
from gateway.backends.experience import Experience, Experiences


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experience, "PAUSE", 0.0)


def test_an_overhead_grows_to_what_was_reported_and_no_further_than_its_bound():
    model = Experience()
    model.exceeded(61)
    assert model.overhead == 61
    model.exceeded(5)
    assert model.overhead == 61
    for _ in range(10):
        model.exceeded(10**9)
    assert model.overhead == experience.MOST_OVERHEAD


def test_requests_that_run_at_once_teach_no_more_than_one_of_them():
    model = Experience()
    for _ in range(50):
        model.exceeded(61)
    assert model.overhead == 61


def test_an_overhead_that_is_needed_no_more_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(experience.time, "monotonic", lambda: now[0])
    model = Experience()
    model.exceeded(10**9)
    for halves in (0.9, 1, 1.9):
        now[0] = halves * experience.KEPT
        model.exceeded(61)
        assert model.overhead == experience.MOST_OVERHEAD
    now[0] = 2 * experience.KEPT
    model.exceeded(61)
    assert model.overhead == 61
    now[0] = 5 * experience.KEPT
    assert model.overhead == 0


def test_a_ratio_is_an_average_within_bounds():
    model = Experience()
    model.reported(10**9, 1)
    assert 1.0 < model.ratio < 1.1  # one report moves it little
    for _ in range(1000):
        model.reported(10**9, 1)
    assert model.ratio == pytest.approx(experience.HIGHEST)
    for _ in range(1000):
        model.reported(1, 10**9)
    assert model.ratio == pytest.approx(experience.LOWEST)


def test_lessons_are_rare_and_of_long_prompts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experience, "PAUSE", 3600.0)
    model = Experience()
    assert not model.is_due(10)
    assert model.is_due(1000)
    model.reported(100, 100)
    assert not model.is_due(1000)


def test_memory_is_bounded_however_many_models_there_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experience, "MOST_MODELS", 3)
    known = Experiences()
    for number in range(10):
        known.of(f"{number}").exceeded(number)
    assert [known.overhead(f"{number}") for number in range(10)] == [0] * 7 + [7, 8, 9]
