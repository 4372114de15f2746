"""`python -m bench.telemetry`: the CPU that telling a request takes, in microseconds of the thread
that serves: to nobody, for the metrics, for the log line, and to OpenTelemetry.

What a whole request takes is in docs/performance.md. Nothing listens for what is sent to
OpenTelemetry here: that its threads fail costs this one nothing.
"""

import logging
import os
import time
from collections.abc import Iterator
from uuid import uuid4

from gateway.config.settings import Settings
from gateway.core.figures import Figures
from gateway.core.record import Listeners
from gateway.telemetry.request_log import RequestLog

ROUNDS, REQUESTS = 7, 3000
PATH = "/v1/chat/completions"
STAGES = ("received", "authorised", "forwarded", "first_token", "settled")
KEYS = [uuid4() for _ in range(5)]


def serve(listeners: Listeners, number: int) -> None:
    """What happens to the record of one stream."""
    scope = {"request_id": KEYS[0], "method": "POST", "path": PATH, "headers": [], "client": None}
    record = listeners.begin(scope)
    if record is None:
        return
    record.for_model, record.stream, record.key_id = True, True, KEYS[number % len(KEYS)]
    record.model, record.backend, record.provider = "qwen2.5:7b", "here", "ollama"
    record.status, record.http_status, record.usage_source = "ok", 200, "reported"
    record.prompt_tokens, record.completion_tokens = 12, 200
    record.ttft_ms, record.duration_ms = 80, 900
    if record.stages is not None:
        record.stages += [(stage, time.time_ns()) for stage in STAGES]
    listeners.end(scope)


def cost(listeners: Listeners) -> float:
    """Microseconds; the least of several rounds, since whatever disturbs one only adds to it."""

    def rounds() -> Iterator[float]:
        for _ in range(ROUNDS):
            begun = time.thread_time()
            for number in range(REQUESTS):
                serve(listeners, number)
            yield (time.thread_time() - begun) / REQUESTS * 1e6

    return min(rounds())


def main() -> None:
    logging.getLogger("localllm.requests").addHandler(logging.NullHandler())
    logging.getLogger("localllm.requests").propagate = False
    logging.getLogger("localllm").setLevel(logging.INFO)
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    from gateway.telemetry.otel_listener import OtelListener

    told = {"nobody": Listeners()}
    told["metrics"] = Listeners()
    told["metrics"].add(Figures([PATH]))
    told["log line, not written"] = Listeners()
    told["log line, not written"].add(RequestLog(Settings(), lambda: False))
    for name, signals in (
        ("OpenTelemetry metrics", {"METRICS"}),
        ("OpenTelemetry traces", {"TRACES"}),
    ):
        listener = OtelListener(signals)
        told[name] = Listeners()
        told[name].add(listener, listener.begin)
    for name, listeners in told.items():
        print(f"{name:24}{cost(listeners):8.1f}")
    os._exit(0)  # the threads that send would try for a while


if __name__ == "__main__":
    main()
