"""How many files a process may have open, and how many of them are for callers."""

import resource

import pytest

from gateway.checks import machine
from gateway.core import descriptors


class Limits:
    """The system's, which grants up to `granted`, whatever it says."""

    RLIMIT_NOFILE = resource.RLIMIT_NOFILE
    RLIM_INFINITY = resource.RLIM_INFINITY

    def __init__(self, soft: int, hard: int, granted: int | None = None) -> None:
        self.both = soft, hard
        self._granted = hard if granted is None else granted

    def getrlimit(self, which: int) -> tuple[int, int]:
        return self.both

    def setrlimit(self, which: int, both: tuple[int, int]) -> None:
        if 0 <= self._granted < both[0]:
            raise ValueError("not allowed to raise maximum limit")
        self.both = both


@pytest.mark.parametrize(
    ("soft", "hard", "granted", "raised"),
    [
        (1024, 20_000, 20_000, 20_000),
        (1024, 1_048_576, 1_048_576, descriptors.ENOUGH),
        (1024, 1024, 1024, 1024),
        (256, resource.RLIM_INFINITY, 10_240, 10_240),  # macOS
        (256, resource.RLIM_INFINITY, 5000, 4096),
        (100_000, 200_000, 200_000, 100_000),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, -1, resource.RLIM_INFINITY),
    ],
)
def test_the_limit_is_raised_as_far_as_the_system_grants_and_never_lowered(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, granted: int, raised: int
):
    limits = Limits(soft, hard, granted)
    for name in ("getrlimit", "setrlimit"):
        monkeypatch.setattr(resource, name, getattr(limits, name))
    descriptors.raise_limit()
    assert limits.both == (raised, hard)


def test_some_are_kept_back_for_what_every_answer_needs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(descriptors, "limits", lambda: (1024, 1024))
    assert descriptors.for_callers(4) == 1024 - descriptors.KEPT_BACK - 4
    assert descriptors.for_callers(5000) > 0  # then callers wait for slots, and not for files
    monkeypatch.setattr(descriptors, "limits", lambda: (descriptors.ENOUGH,) * 2)
    assert descriptors.for_callers(4) == descriptors.MOST_CALLERS  # memory has an end, too


@pytest.mark.parametrize(("hard", "state"), [(1024, "warn"), (4096, "ok"), (1_048_576, "ok")])
def test_doctor_tells_the_limit(monkeypatch: pytest.MonkeyPatch, hard: int, state: str):
    monkeypatch.setattr(descriptors, "limits", lambda: (1024, hard))
    found = machine.open_files()
    assert found.state == state
    assert str(min(hard, descriptors.ENOUGH)) in found.text
