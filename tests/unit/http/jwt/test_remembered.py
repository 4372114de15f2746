"""A verified token costs no second verification, a refused one is looked at each time."""

import pytest

from gateway.http.jwt import verifier
from gateway.http.jwt.remembered import Remembered
from gateway.http.jwt.visitors import VisitorClaims
from tests.unit.http.jwt.conftest import World

pytestmark = pytest.mark.anyio
KEYS = object()


def claims(expires: float = 100.0) -> VisitorClaims:
    return VisitorClaims("https://i.example", "a", "someone", False, None, expires)


def get(remembered: Remembered, token: bytes, version: object = KEYS, now: float = 0.0) -> bool:
    return remembered.get(token, "https://i.example", "a", version, now) is not None


async def test_all_calls_of_a_page_cost_one_verification(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    looked: list[object] = []
    checked = verifier.claims_problem
    monkeypatch.setattr(
        verifier, "claims_problem", lambda *given: looked.append(given) or checked(*given)
    )
    token, bad = world.token(), world.token(aud="other")
    for _ in range(5):
        await world.verified(token)
    assert len(looked) == 1
    for _ in range(3):
        await world.why(bad)
    assert len(looked) == 4


def test_a_remembered_token_ends_with_its_time_and_with_its_keys() -> None:
    remembered = Remembered()
    remembered.put(b"one", claims(), KEYS, True)
    assert get(remembered, b"one", now=99.9)
    assert not get(remembered, b"one", now=100.0)
    remembered.put(b"two", claims(), KEYS, True)
    assert not get(remembered, b"two", version=object())
    assert len(remembered) == 0


def test_it_counts_for_one_issuer_and_audience() -> None:
    remembered = Remembered()
    remembered.put(b"one", claims(), KEYS, True)
    assert remembered.place(b"one") == ("https://i.example", "a")
    assert get(remembered, b"one")
    assert remembered.get(b"one", "https://i.example", "b", KEYS, 0.0) is None
    remembered.put(b"one", claims(), KEYS, True)
    assert remembered.get(b"one", "https://j.example", "a", KEYS, 0.0) is None


def test_the_number_is_bounded_and_the_least_used_is_forgotten() -> None:
    remembered = Remembered(most=3)
    for token in (b"1", b"2", b"3"):
        remembered.put(token, claims(), KEYS, True)
    assert get(remembered, b"1")
    remembered.put(b"4", claims(), KEYS, True)
    assert len(remembered) == 3
    assert not get(remembered, b"2")
    assert get(remembered, b"1")
