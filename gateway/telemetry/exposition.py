"""The figures as Prometheus reads them: text, or OpenMetrics where that is asked for.

Everything is copied in the event loop first; the text is made of the copies in a thread.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from gateway.core.figures import OTHER, Figures, Histogram, clean
from gateway.telemetry.gauges import Gauge

_WHO = ["key", "key_id"]


class Snapshot:
    """What one scrape is told. `labels`: of keys, by id."""

    def __init__(
        self, figures: Figures, gauges: Iterable[Gauge], labels: Mapping[str, str]
    ) -> None:
        self._requests = dict(figures.requests)
        self._tokens = {told: tuple(both) for told, both in figures.tokens.items()}
        self._refusals = dict(figures.refusals)
        self._durations = _copies(figures.durations)
        self._first_tokens = _copies(figures.first_tokens)
        self._calls = {
            "authorize": figures.authorising.copy(),
            "settle": figures.settling.copy(),
        }
        self._gauges = list(gauges)
        self._labels = labels

    def text(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type."""
        encode, media = choose_encoder(accept)
        encoded: Any = encode(self)  # type: ignore[arg-type] # it only collects
        return encoded, media

    def collect(self) -> Iterator[Metric]:
        yield self._of_requests()
        yield self._of_tokens()
        yield self._of_refusals()
        yield _histograms(
            "localllm_request_duration_seconds",
            "Requests that reached a model server, from their first byte to their last.",
            ["route", "model"],
            self._durations,
        )
        yield _histograms(
            "localllm_time_to_first_token_seconds",
            "Streams: from the request to the first event of the answer, waiting included.",
            ["route", "model"],
            self._first_tokens,
        )
        yield _histograms(
            "localllm_store_call_seconds",
            "Calls of the database that were answered.",
            ["call"],
            {(call,): one for call, one in self._calls.items()},
        )
        for gauge in self._gauges:
            yield _family(gauge)
        yield from ProcessCollector(registry=None).collect()

    def _of_requests(self) -> Metric:
        family = CounterMetricFamily(
            "localllm_requests",
            "Requests to the model that ended. The status is that of the request log.",
            labels=["route", "model", *_WHO, "status"],
        )
        for one, count in self._requests.items():
            labels = [one.route, one.model, *self._who(one.key), one.status]
            family.add_metric(labels, count)
        return family

    def _of_tokens(self) -> Metric:
        family = CounterMetricFamily(
            "localllm_tokens",
            "Tokens of requests that ended, reported by the model server or estimated.",
            labels=["model", *_WHO, "source", "type"],
        )
        for one, both in self._tokens.items():
            labels = [one.model, *self._who(one.key), one.source]
            for kind, count in zip(("prompt", "completion"), both, strict=True):
                family.add_metric([*labels, kind], count)
        return family

    def _of_refusals(self) -> Metric:
        family = CounterMetricFamily(
            "localllm_refusals",
            "Requests that were refused or broke off, by the code of the reason.",
            labels=["route", "code"],
        )
        for labels, count in self._refusals.items():
            family.add_metric(list(labels), count)
        return family

    def _who(self, key_id: str) -> list[str]:
        if key_id == OTHER:
            return [OTHER, ""]
        return [clean(self._labels.get(key_id, key_id)), key_id]


def _copies(histograms: Mapping[tuple[str, str], Histogram]) -> dict[tuple[str, str], Histogram]:
    return {labels: one.copy() for labels, one in histograms.items()}


def _histograms(
    name: str, text: str, labels: list[str], of: Mapping[tuple[str, ...], Histogram]
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, one in of.items():
        buckets: list[tuple[str, float]] = []
        count = 0
        for bound, more in zip((*map(str, one.bounds), "+Inf"), one.counts, strict=True):
            count += more
            buckets.append((bound, count))
        family.add_metric(list(values), buckets, one.total)
    return family


def _family(gauge: Gauge) -> Metric:
    labels = list(gauge.values[0][0]) if gauge.values else []
    made = CounterMetricFamily if gauge.counts else GaugeMetricFamily
    family = made(gauge.name, gauge.text, labels=labels)
    for told, value in gauge.values:
        family.add_metric([clean(each) for each in told.values()], value)
    return family
