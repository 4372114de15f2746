"""The histograms of OpenTelemetry's conventions for generative AI, with their buckets.

They are added up here, not by the SDK's instruments, which take ten times as long: 40 microseconds
for a request. The points are the SDK's own, and its exporter sends them.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
)

from gateway.core import figures
from gateway.core.figures import DURATIONS, MOST_MODELS, Labels
from gateway.core.record import Record

_FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(float(4**power) for power in range(14))  # 1 to 67,108,864


class _Kind(NamedTuple):
    name: str
    unit: str
    text: str
    bounds: tuple[float, ...]


_DURATION = _Kind(
    *("gen_ai.server.request.duration", "s", "From the request to the last byte of its answer"),
    DURATIONS,
)
_FIRST = _Kind(
    *("gen_ai.server.time_to_first_token", "s", "From the request to its answer's first event"),
    _FIRST_TOKEN,
)
_EACH = _Kind(
    *("gen_ai.server.time_per_output_token", "s", "Between the tokens after the first one"),
    _PER_TOKEN,
)
_USAGE = _Kind("gen_ai.client.token.usage", "{token}", "Tokens of one request", _TOKENS)
_KINDS = (_DURATION, _FIRST, _EACH, _USAGE)


class _Series(NamedTuple):
    """`more`: an attribute beyond the first three, or two empty texts."""

    kind: str  # the name of the metric
    operation: str
    provider: str
    model: str
    more: tuple[str, str] = ("", "")


class _Point(figures.Histogram):
    __slots__ = ("least", "most")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        super().__init__(bounds)
        self.least, self.most = float("inf"), float("-inf")

    def observe(self, value: float) -> None:
        super().observe(value)
        self.least, self.most = min(self.least, value), max(self.most, value)


class GenAiMetrics:
    """Of requests that reached a model server. The times are seconds."""

    def __init__(self, *, delta: bool, clock: Callable[[], int] = time.time_ns) -> None:
        """`delta`: each time only what is new is told; else all since the start."""
        self._delta = delta
        self._clock = clock
        self._since = clock()
        self._models = Labels(MOST_MODELS)
        self._points: dict[_Series, _Point] = {}
        self._lock = Lock()  # the thread that exports reads them

    def add(self, record: Record, operation: str) -> None:
        if not record.backend:
            return
        model = self._models(record.model, earned=record.status == "ok")
        told = operation, record.provider, model
        seconds = record.duration_ms / 1000
        with self._lock:
            if record.status != "ok":
                error = ("error.type", record.code or record.status)
                self._observe(_DURATION, seconds, *told, error)
            else:
                self._observe(_DURATION, seconds, *told)
                self._add_stream(record, seconds, told)
            if record.usage_source != "none":
                self._observe(_USAGE, record.prompt_tokens, *told, ("gen_ai.token.type", "input"))
                if operation != "embeddings":
                    kind = ("gen_ai.token.type", "output")
                    self._observe(_USAGE, record.completion_tokens, *told, kind)

    def _add_stream(self, record: Record, seconds: float, told: tuple[str, str, str]) -> None:
        if not record.stream or record.ttft_ms is None:
            return
        first = record.ttft_ms / 1000
        self._observe(_FIRST, first, *told)
        if record.completion_tokens > 1:
            left = max(0.0, seconds - first)
            self._observe(_EACH, left / (record.completion_tokens - 1), *told)

    def _observe(
        self,
        kind: _Kind,
        value: float,
        operation: str,
        provider: str,
        model: str,
        more: tuple[str, str] = ("", ""),
    ) -> None:
        series = _Series(kind.name, operation, provider, model, more)
        point = self._points.get(series)
        if point is None:
            point = self._points[series] = _Point(kind.bounds)
        point.observe(value)

    def collect(self) -> list[Metric]:
        """What there is to tell now; nothing where there is nothing."""
        now = self._clock()
        with self._lock:
            since = self._since
            told = [
                (series, _told(series, point, since, now)) for series, point in self._points.items()
            ]
            if self._delta:
                self._points, self._since = {}, now
        kind = AggregationTemporality.DELTA if self._delta else AggregationTemporality.CUMULATIVE
        metrics: list[Metric] = []
        for one in _KINDS:
            points = [point for series, point in told if series.kind == one.name]
            if points:
                data = Histogram(points, kind)
                metrics.append(Metric(one.name, one.text, one.unit, data))
        return metrics


def _told(series: _Series, point: _Point, since: int, now: int) -> HistogramDataPoint:
    attributes = {
        "gen_ai.operation.name": series.operation,
        "gen_ai.provider.name": series.provider,
        "gen_ai.request.model": series.model,
    }
    if series.more[0]:
        attributes[series.more[0]] = series.more[1]
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=since,
        time_unix_nano=now,
        count=sum(point.counts),
        sum=point.total,
        bucket_counts=tuple(point.counts),
        explicit_bounds=point.bounds,
        min=point.least,
        max=point.most,
    )
