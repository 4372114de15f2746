"""One span for each request to the model. No prompt, no answer and no key is in it."""

import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.core.record import Record

_KEPT = "otel_span"  # in the scope
_LONGEST = 200  # characters of a name
# What is the gateway's or the model server's failure, not the caller's.
_FAILED = {"truncated", "upstream_error", "upstream_timeout", "gateway_stopped", "internal_error"}
_propagator = TraceContextTextMapPropagator()


class Spans:
    """Makes them with `tracer`. A caller's `traceparent` is the parent, and decides with the
    sampler whether the request is recorded."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, record: Record, scope: dict[str, Any]) -> None:
        shown = {
            name.decode(): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in {b"traceparent", b"tracestate"}
        }
        parent = _propagator.extract(shown) if shown else None
        span = self._tracer.start_span(record.route, parent, SpanKind.SERVER)
        scope[_KEPT] = span
        if span.is_recording():
            record.stages = []
        own = span.get_span_context()
        if own.is_valid:  # tracestate is the caller's own, and goes no further
            ids = f"{own.trace_id:032x}-{own.span_id:016x}"
            record.traceparent = f"00-{ids}-{own.trace_flags:02x}"

    def end(self, record: Record, scope: Mapping[str, Any], operation: str) -> None:
        span: Span | None = scope.get(_KEPT)
        if span is None or not span.is_recording():
            return
        model = record.model or (record.refusal.model if record.refusal else "")
        model = "".join(each if each.isprintable() else "?" for each in model[:_LONGEST])
        span.update_name(f"{operation} {model}".rstrip())
        span.set_attributes(_attributes(record, operation, model))
        for stage, when in record.stages or ():
            span.add_event(stage, timestamp=when)
        if record.status in _FAILED or record.http_status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(time.time_ns())


def _attributes(record: Record, operation: str, model: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": record.provider,
        "gen_ai.request.model": model,
        "gen_ai.request.stream": record.stream,
        "http.request.method": record.method,
        "http.route": record.route,
        "localllm.request.id": str(record.id),
        "localllm.key.id": str(record.key_id or ""),
        "localllm.visitor": str(record.visitor or ""),
        "localllm.backend": record.backend,
        "localllm.status": record.status,
    }
    if record.http_status:
        told["http.response.status_code"] = record.http_status
    if record.usage_source != "none":
        told["gen_ai.usage.input_tokens"] = record.prompt_tokens
        told["gen_ai.usage.output_tokens"] = record.completion_tokens
        told["localllm.usage_source"] = record.usage_source
    if record.stream and record.ttft_ms is not None:
        told["gen_ai.response.time_to_first_chunk"] = record.ttft_ms / 1000
    if record.status != "ok":
        told["error.type"] = record.code or record.status
    return {name: value for name, value in told.items() if value != ""}
