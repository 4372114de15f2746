"""A collector for OpenTelemetry: takes what is sent by OTLP over HTTP, and reads the protobuf."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.gateway_process import PATIENCE
from tests.support.serving import in_a_thread

Result = TypeVar("Result")


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


class Collector:
    """`spans` and `points` (of metrics, with the name of their metric) as they came; `headers` of
    each request."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.points: list[tuple[str, str, Any]] = []  # name, unit, data point
        self.resources: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.url = ""
        self._changed = threading.Condition()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        with self._changed:
            self.headers.append(headers)
            if self.status == 200:
                self._read(path, body)
            self._changed.notify_all()

    def _read(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for part in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(plain(part.resource.attributes))
                for scope in part.scope_spans:
                    self.spans += scope.spans
        else:
            assert path == "/v1/metrics"
            for part in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.resources.append(plain(part.resource.attributes))
                for scope in part.scope_metrics:
                    for metric in scope.metrics:
                        for point in metric.histogram.data_points:
                            self.points.append((metric.name, metric.unit, point))

    def wait_for(self, true: Callable[[], Result]) -> Result:
        """The first true value after something has come."""
        with self._changed:
            assert self._changed.wait_for(true, PATIENCE), "it did not come"
            return true()


@contextmanager
def collector() -> Iterator[Collector]:
    """One that listens on a port of its own."""
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/x-protobuf"
            made.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(made.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with in_a_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as made.url:
        yield made
