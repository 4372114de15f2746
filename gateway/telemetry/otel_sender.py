"""The thread that sends the histograms to the collector, again and again."""

import os
import threading
from collections.abc import Callable
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_INTERVAL = 60_000.0  # milliseconds, as the specification says


class Sender:
    """`collect` gives what there is to tell, in its thread."""

    def __init__(
        self, collect: Callable[[], list[Metric]], resource: Resource, scope: InstrumentationScope
    ) -> None:
        self._collect = collect
        self._resource = resource
        self._scope = scope
        self._exporter: Any = OTLPMetricExporter()  # the types of its arguments are not known
        self._pause = _interval() / 1000
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otel-metrics", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            self._send()

    def _send(self) -> None:
        metrics = self._collect()
        if metrics:
            scoped = ScopeMetrics(self._scope, metrics, "")
            self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scoped], "")]))

    def close(self) -> None:
        """Send what is left. It takes as long as the collector does."""
        self._ended.set()
        self._thread.join()
        self._send()
        self._exporter.shutdown()


def _interval() -> float:
    try:
        told = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or _INTERVAL)
    except ValueError:
        return _INTERVAL
    return told if told > 0 else _INTERVAL
