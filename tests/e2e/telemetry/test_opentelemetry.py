"""OpenTelemetry: a collector gets real protobuf, in the words of the conventions for models."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.telemetry.otel import exporting
from tests.support.bare_gateway import bare_gateway
from tests.support.bare_gateway import served as served_bare
from tests.support.callers import QUESTION, bearer, connect, make_key, make_keys, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream
from tests.support.otlp_collector import Collector, collector, plain

CHAT = "/v1/chat/completions"
STREAM = {**QUESTION, "stream": True}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": 50, "OTEL_METRIC_EXPORT_INTERVAL": 200}


@pytest.fixture(scope="module")
def sink() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    shared_upstream: FakeUpstream, file_dsn: str, sink: Collector
) -> Iterator[GatewayProcess]:
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=home",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        **SOON,
    }
    with served(shared_upstream.url, file_dsn, **settings) as running:
        yield running


def span_of(sink: Collector, answer: httpx.Response) -> Any:
    """The span of one request, once it has come."""
    wanted = answer.headers["x-request-id"]

    def found() -> Any:
        for span in list(sink.spans):
            if plain(span.attributes)["localllm.request.id"] == wanted:
                return span
        return None

    return sink.wait_for(found)


def test_a_stream_is_a_span_with_its_stages(gateway: GatewayProcess, sink: Collector):
    made = make_keys(gateway.url)
    with connect(gateway.url) as client:
        answer = client.post(CHAT, json=STREAM, headers=bearer(made["key"]))
    span = span_of(sink, answer)
    told = plain(span.attributes)
    assert span.name == f"chat {MODEL}"
    assert span.kind == 2  # SERVER
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "ollama"
    assert told["gen_ai.request.model"] == MODEL
    assert told["gen_ai.request.stream"] is True
    assert told["gen_ai.usage.input_tokens"] == PROMPT_TOKENS
    assert told["gen_ai.usage.output_tokens"] == len(WORDS)
    assert told["gen_ai.response.time_to_first_chunk"] > 0
    assert (told["http.route"], told["http.response.status_code"]) == (CHAT, 200)
    assert (told["localllm.key.id"], told["localllm.status"]) == (made["id"], "ok")
    assert "error.type" not in told
    stages = [event.name for event in span.events]
    assert stages == ["received", "authorised", "forwarded", "first_token", "settled"]
    times = [event.time_unix_nano for event in span.events]
    assert [span.start_time_unix_nano, *times, span.end_time_unix_nano] == sorted(
        [span.start_time_unix_nano, *times, span.end_time_unix_nano]
    )


def test_a_callers_trace_goes_on_through_the_gateway_to_the_model_server(
    gateway: GatewayProcess, key: str, sink: Collector, upstream: FakeUpstream
):
    headers = {
        **bearer(key),
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "tracestate": "vendor=secret",
        "baggage": "user=somebody",
    }
    with connect(gateway.url) as client:
        answer = client.post(CHAT, json=QUESTION, headers=headers)
    span = span_of(sink, answer)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    [asked] = upstream.chats
    sent = dict(asked.headers)
    assert sent["traceparent"] == f"00-{TRACE}-{span.span_id.hex()}-01"
    assert not {"tracestate", "baggage"} & sent.keys()


def test_a_caller_without_a_trace_begins_one(
    gateway: GatewayProcess, key: str, sink: Collector, upstream: FakeUpstream
):
    with connect(gateway.url) as client:
        headers = {**bearer(key), "traceparent": "00-zz-zz-01"}
        answer = client.post(CHAT, json=QUESTION, headers=headers)
    span = span_of(sink, answer)
    assert span.parent_span_id == b""
    [asked] = upstream.chats
    ids = f"{span.trace_id.hex()}-{span.span_id.hex()}"
    sent = dict(asked.headers)["traceparent"]
    assert sent in {f"00-{ids}-01", f"00-{ids}-03"}  # recorded; and the id is random


def test_a_refusal_says_why_and_a_failure_is_an_error(
    gateway: GatewayProcess, sink: Collector, upstream: FakeUpstream
):
    async def cut(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(("half",))
        exchange.cut()

    key = make_key(gateway.url, rate_limit_per_min=1)
    upstream.behave = cut
    with connect(gateway.url) as client:
        broken = client.post(CHAT, json=STREAM, headers=bearer(key))
        refused = client.post(CHAT, json=QUESTION, headers=bearer(key))
    span = span_of(sink, broken)
    assert plain(span.attributes)["error.type"] == "truncated"
    assert span.status.code == 2  # ERROR
    span = span_of(sink, refused)
    assert plain(span.attributes)["error.type"] == "rate_limit_exceeded"
    assert span.status.code == 0  # the caller's own fault


def test_the_histograms_have_the_names_units_and_buckets_of_the_conventions(
    gateway: GatewayProcess, key: str, sink: Collector
):
    with connect(gateway.url) as client:
        client.post(CHAT, json=STREAM, headers=bearer(key))
        client.post("/v1/embeddings", json={"model": MODEL, "input": "x"}, headers=bearer(key))
    names = {
        "gen_ai.server.request.duration": ("s", 14),
        "gen_ai.server.time_to_first_token": ("s", 16),
        "gen_ai.server.time_per_output_token": ("s", 13),
        "gen_ai.client.token.usage": ("{token}", 14),
    }
    sink.wait_for(lambda: names.keys() <= {name for name, _, _ in sink.points})
    for name, unit, point in sink.points:
        assert (unit, len(point.explicit_bounds)) == names[name]
        told = plain(point.attributes)
        assert told.keys() >= {"gen_ai.operation.name", "gen_ai.provider.name"}
        assert told["gen_ai.operation.name"] in {"chat", "embeddings"}
    kinds = {
        plain(point.attributes)["gen_ai.token.type"]
        for name, _, point in sink.points
        if name == "gen_ai.client.token.usage"
    }
    assert kinds == {"input", "output"}


def test_the_standard_variables_say_who_tells_it_and_where(
    gateway: GatewayProcess, sink: Collector
):
    sink.wait_for(lambda: sink.headers and sink.resources)
    assert {one["x-tenant"] for one in sink.headers} == {"home"}
    for told in sink.resources:
        assert told["service.name"] == "localllm"
        assert told["deployment.environment.name"] == "test"
        assert told["service.version"]


def test_nothing_of_a_prompt_and_no_key_is_told(gateway: GatewayProcess, key: str, sink: Collector):
    secret = "the prompt of somebody"
    body = {**QUESTION, "messages": [{"role": "user", "content": secret}]}
    with connect(gateway.url) as client:
        answer = client.post(CHAT, json=body, headers=bearer(key))
    span_of(sink, answer)
    for span in sink.spans:
        text = str(span)
        assert secret not in text
        assert key not in text
        assert "Hello" not in text


def test_what_is_left_is_sent_when_the_gateway_stops(upstream: FakeUpstream, file_dsn: str):
    hour = {"OTEL_BSP_SCHEDULE_DELAY": 3_600_000, "OTEL_METRIC_EXPORT_INTERVAL": 3_600_000}
    with collector() as sink:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_SERVICE_NAME": "den", **hour}
        with served(upstream.url, file_dsn, **settings) as gateway:
            key = make_key(gateway.url)
            with connect(gateway.url) as client:
                assert client.post(CHAT, json=QUESTION, headers=bearer(key)).is_success
            assert sink.spans == []
        assert len(sink.spans) == 1
        assert {name for name, _, _ in sink.points} >= {"gen_ai.server.request.duration"}
        assert {told["service.name"] for told in sink.resources} == {"den"}


@pytest.mark.parametrize("away", [True, False], ids=["away", "broken"])
def test_a_collector_that_fails_costs_no_request_and_few_lines(
    upstream: FakeUpstream, file_dsn: str, away: bool
):
    with collector() as sink:
        sink.status = 500
        url = "http://127.0.0.1:9" if away else sink.url
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, **SOON}
        with served(upstream.url, file_dsn, **settings) as gateway:
            assert gateway.running is not None
            key = make_key(gateway.url)
            with connect(gateway.url) as client:
                for _ in range(5):
                    assert client.post(CHAT, json=QUESTION, headers=bearer(key)).is_success
            gateway.running.wait_for("OpenTelemetry: ")
            said = gateway.running
    assert said.output.count("OpenTelemetry: ") == 1
    assert "Traceback" not in said.output


def test_without_a_collector_the_model_server_gets_no_trace(upstream: FakeUpstream, file_dsn: str):
    with served(upstream.url, file_dsn) as gateway:
        key = make_key(gateway.url)
        with connect(gateway.url) as client:
            headers = {**bearer(key), "traceparent": f"00-{TRACE}-{PARENT}-01"}
            assert client.post(CHAT, json=QUESTION, headers=headers).is_success
    [asked] = upstream.chats
    assert "traceparent" not in dict(asked.headers)


def test_telling_a_request_never_blocks_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Blocking calls in the loop are errors in this process (tests/support/blocking.py)."""

    async def ask() -> None:
        with bare_gateway(tmp_path) as services:
            async with (
                exporting(services.listeners),
                served_bare(services) as url,
                httpx.AsyncClient(trust_env=False, timeout=60) as client,
            ):
                assert (await client.post(f"{url}{CHAT}", json=QUESTION)).status_code == 401

    with collector() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url)
        asyncio.run(ask())
        [span] = sink.spans
        assert plain(span.attributes)["error.type"] == "missing_api_key"
