"""What is added up of requests, and that strangers cannot make it grow without end."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import figures
from gateway.core.errors import Refusal
from gateway.core.figures import MOST_KEYS, MOST_MODELS, OTHER, Figures, Histogram
from gateway.core.record import Record

CHAT = "/v1/chat/completions"


def record(**changes: object) -> Record:
    given = {"route": CHAT, "model": "a:1", "status": "ok", "backend": "here", "duration_ms": 40}
    given |= {"id": uuid4(), "method": "POST", "began": 0.0, "for_model": True}
    return Record(**{**given, **changes})  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_each_value_in_its_bucket(values: list[float]):
    bounds = (0.1, 1.0, 10.0)
    one = Histogram(bounds)
    for value in values:
        one.observe(value)
    for place, bound in enumerate(bounds):
        assert sum(one.counts[: place + 1]) == sum(value <= bound for value in values)
    assert sum(one.counts) == len(values)
    assert one.total == pytest.approx(sum(values))


def test_after_the_first_ones_keys_and_models_are_others():
    told = Figures([CHAT])
    for number in range(MOST_KEYS + 50):
        told(record(key_id=UUID(int=number + 1), model=f"m{number}"), {})
    assert len({one.key for one in told.requests}) == MOST_KEYS + 1
    assert len({one.model for one in told.requests}) == MOST_MODELS + 1
    assert sum(told.requests.values()) == MOST_KEYS + 50
    told(record(key_id=UUID(int=1), model="m1"), {})  # who has a label keeps it
    assert any((one.key, one.model) == (str(UUID(int=1)), "m1") for one in told.requests)


def test_a_model_that_has_never_answered_has_no_name():
    told = Figures([CHAT])
    told(record(model="invented", status="upstream_error"), {})
    told(record(model="real"), {})
    told(record(model="real", status="truncated"), {})
    assert {one.model for one in told.requests} == {OTHER, "real"}


def test_the_number_of_series_has_an_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(figures, "MOST_SERIES", 20)
    told = Figures([CHAT])
    for key in range(1, 11):
        for model in range(10):
            told(record(key_id=UUID(int=key), model=f"m{model}"), {})
    assert len(told.requests) == 21
    assert sum(told.requests.values()) == 100


def test_a_path_that_is_no_route_of_the_model_is_another():
    told = Figures([CHAT])
    for path in ("/x", "/y\n", CHAT):
        refusal = Refusal("not_found", "x")
        told(record(for_model=False, route=path, refusal=refusal, status="refused"), {})
    assert told.refusals == {(OTHER, "not_found"): 2, (CHAT, "not_found"): 1}
    assert not told.requests


def test_the_first_token_is_told_of_streams_alone():
    told = Figures([CHAT])
    told(record(stream=True, ttft_ms=20), {})
    told(record(stream=False, ttft_ms=20), {})
    told(record(stream=True, ttft_ms=None, status="upstream_error"), {})
    told(record(backend="", status="refused"), {})  # it reached no model server
    [first] = told.first_tokens.values()
    [duration] = told.durations.values()
    assert (sum(first.counts), sum(duration.counts)) == (1, 3)


def test_models_whose_names_differ_beyond_a_label_are_one_series():
    told = Figures([CHAT])
    for end in "ab":
        told(record(model="m" * 150 + end), {})
    assert len(told.requests) == len(told.durations) == 1


def test_a_model_that_began_to_answer_is_told_by_its_name():
    told = Figures([CHAT])
    told(record(model="cut:1", status="client_gone", stream=True, ttft_ms=5), {})
    assert {one.model for one in told.requests} == {"cut:1"}
