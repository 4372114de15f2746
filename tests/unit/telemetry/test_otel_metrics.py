"""The histograms that OpenTelemetry is sent."""

import itertools
from typing import Any
from uuid import uuid4

import pytest

from gateway.core.errors import Refusal
from gateway.core.figures import MOST_MODELS
from gateway.core.record import Record
from gateway.telemetry.otel_metrics import GenAiMetrics


def record(**changes: object) -> Record:
    given: dict[str, Any] = {
        **{"id": uuid4(), "method": "POST", "route": "/v1/chat/completions", "began": 0.0},
        **{"backend": "here", "provider": "ollama", "model": "a", "stream": True, "status": "ok"},
        **{"usage_source": "reported", "prompt_tokens": 12, "completion_tokens": 11},
        **{"ttft_ms": 500, "duration_ms": 1500},
    }
    return Record(**{**given, **changes})


def points(metrics: GenAiMetrics) -> dict[str, list[Any]]:
    return {one.name: list(one.data.data_points) for one in metrics.collect()}


def test_a_stream_is_told_by_its_times_and_tokens():
    metrics = GenAiMetrics(delta=False)
    metrics.add(record(), "chat")
    told = points(metrics)
    [duration] = told["gen_ai.server.request.duration"]
    [first] = told["gen_ai.server.time_to_first_token"]
    [each] = told["gen_ai.server.time_per_output_token"]
    assert (duration.sum, first.sum) == (1.5, 0.5)
    assert each.sum == pytest.approx(0.1)  # a second for the ten after the first
    usage = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in told["gen_ai.client.token.usage"]
    }
    assert usage == {"input": 12, "output": 11}
    for point in itertools.chain.from_iterable(told.values()):
        assert point.count == sum(point.bucket_counts) == 1
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert point.min == point.max == point.sum


def test_what_failed_says_how_and_has_no_time_of_a_token():
    metrics = GenAiMetrics(delta=False)
    metrics.add(record(status="truncated", refusal=Refusal("truncated")), "chat")
    metrics.add(record(status="client_gone"), "chat")
    told = points(metrics)
    kinds = {one.attributes["error.type"] for one in told["gen_ai.server.request.duration"]}
    assert kinds == {"truncated", "client_gone"}
    assert "gen_ai.server.time_to_first_token" not in told


def test_what_reached_no_model_server_is_not_told():
    metrics = GenAiMetrics(delta=False)
    metrics.add(record(backend="", status="refused"), "chat")
    assert metrics.collect() == []


@pytest.mark.parametrize("delta", [False, True])
def test_each_time_all_since_the_start_is_told_or_what_is_new(delta: bool):
    clock = itertools.count(1)
    metrics = GenAiMetrics(delta=delta, clock=lambda: next(clock))
    metrics.add(record(), "chat")
    points(metrics)
    metrics.add(record(), "chat")
    [second] = points(metrics)["gen_ai.server.request.duration"]
    assert second.count == (1 if delta else 2)
    assert second.start_time_unix_nano == (2 if delta else 1)
    assert second.time_unix_nano == 3


def test_models_have_an_end():
    metrics = GenAiMetrics(delta=False)
    for number in range(MOST_MODELS + 20):
        metrics.add(record(model=f"m{number}"), "chat")
    metrics.add(record(model="invented", status="upstream_error"), "chat")
    models = {
        one.attributes["gen_ai.request.model"]
        for one in points(metrics)["gen_ai.server.request.duration"]
    }
    assert len(models) == MOST_MODELS + 1
    assert "invented" not in models
