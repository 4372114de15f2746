"""Tells OpenTelemetry of each request to the model, in the words of its conventions for
generative AI: a span with its stages as events, and four histograms.

This module alone imports the packages of the extra `otel`.
"""

import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway.core.record import Record
from gateway.telemetry.operations import operations
from gateway.telemetry.otel_metrics import GenAiMetrics
from gateway.telemetry.otel_sender import Sender
from gateway.telemetry.otel_spans import Spans

_NAME = "localllm"
_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"


class OtelListener:
    """Call it with each record; `begin` is called when a request comes."""

    def __init__(self, signals: set[str]) -> None:
        """`signals`: TRACES and METRICS, or one of them. All else says the environment."""
        resource, made_here = _resource(), version(_NAME)
        self._operations = operations()
        self._tracers: TracerProvider | None = None
        self._sender: Sender | None = None
        self._spans: Spans | None = None
        self._metrics: GenAiMetrics | None = None
        if "TRACES" in signals:
            self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
            self._spans = Spans(self._tracers.get_tracer(_NAME, made_here))
        if "METRICS" in signals:
            # To both of the others a histogram is told by what is new.
            delta = os.environ.get(_TEMPORALITY, "cumulative").strip().lower() != "cumulative"
            self._metrics = GenAiMetrics(delta=delta)
            scope = InstrumentationScope(_NAME, made_here)
            self._sender = Sender(self._metrics.collect, resource, scope)

    def begin(self, record: Record, scope: dict[str, Any]) -> None:
        if self._spans is not None and record.route in self._operations:
            self._spans.begin(record, scope)

    def __call__(self, record: Record, scope: Mapping[str, Any]) -> None:
        operation = self._operations.get(record.route)
        if operation is None:
            return
        if self._spans is not None:
            self._spans.end(record, scope, operation)
        if self._metrics is not None and record.for_model:
            self._metrics.add(record, operation)

    def close(self) -> None:
        """Send what is left. It takes as long as the collector does."""
        if self._tracers is not None:
            self._tracers.shutdown()
        if self._sender is not None:
            self._sender.close()


def _resource() -> Resource:
    """Who tells it; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first."""
    own = {"service.version": version(_NAME), "service.instance.id": str(uuid4())}
    told = Resource(own).merge(Resource.create())
    if str(told.attributes[SERVICE_NAME]).startswith("unknown_service"):
        told = told.merge(Resource({SERVICE_NAME: _NAME}))
    return told
