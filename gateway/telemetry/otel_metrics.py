"""The histograms of OpenTelemetry's conventions for generative AI, with their buckets."""

from opentelemetry.metrics import Histogram, Meter

from gateway.core.figures import DURATIONS, MOST_MODELS, Labels
from gateway.core.record import Record

_FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(float(4**power) for power in range(14))  # 1 to 67,108,864


class GenAiMetrics:
    """Of requests that reached a model server. The times are seconds."""

    def __init__(self, meter: Meter) -> None:
        def histogram(name: str, unit: str, text: str, bounds: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(
                name, unit, text, explicit_bucket_boundaries_advisory=bounds
            )

        self._models = Labels(MOST_MODELS)
        self._duration = histogram(
            "gen_ai.server.request.duration",
            "s",
            "From the request to the last byte of its answer",
            DURATIONS,
        )
        self._first = histogram(
            "gen_ai.server.time_to_first_token",
            "s",
            "From the request to the first event of its answer, waiting included",
            _FIRST_TOKEN,
        )
        self._each = histogram(
            "gen_ai.server.time_per_output_token",
            "s",
            "Between the tokens after the first one",
            _PER_TOKEN,
        )
        self._tokens = histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of one request", _TOKENS
        )

    def add(self, record: Record, operation: str) -> None:
        if not record.backend:
            return
        told = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": record.provider,
            "gen_ai.request.model": self._models(record.model, earned=record.status == "ok"),
        }
        seconds = record.duration_ms / 1000
        if record.status != "ok":
            self._duration.record(seconds, {**told, "error.type": record.code or record.status})
        else:
            self._duration.record(seconds, told)
            if record.stream and record.ttft_ms is not None:
                first = record.ttft_ms / 1000
                self._first.record(first, told)
                if record.completion_tokens > 1:
                    left = max(0.0, seconds - first)
                    self._each.record(left / (record.completion_tokens - 1), told)
        if record.usage_source != "none":
            self._tokens.record(record.prompt_tokens, {**told, "gen_ai.token.type": "input"})
            if operation != "embeddings":
                self._tokens.record(
                    record.completion_tokens, {**told, "gen_ai.token.type": "output"}
                )
