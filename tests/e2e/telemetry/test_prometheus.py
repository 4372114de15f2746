"""What a real Prometheus makes of a real gateway; the dashboard and the alerts ask it."""

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.support.callers import QUESTION, bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.paths import ROOT
from tests.support.prometheus import Prometheus, prometheus, promtool

CHAT = "/v1/chat/completions"
STREAM = {**QUESTION, "stream": True}
FOLDER = ROOT / "docs" / "observability"
RULES = FOLDER / "alerts.yml"
DASHBOARD = json.loads((FOLDER / "grafana.json").read_text())
PAGE = (ROOT / "docs" / "metrics.md").read_text()


def queries() -> list[tuple[str, str]]:
    """Of each panel, as Grafana sends them: title and expression."""
    found: list[tuple[str, str]] = []
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            assert "$" not in text
            found.append((panel["title"], text))
    return found


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, file_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, file_dsn) as running:
        yield running


@pytest.fixture(scope="module")
def scraped(gateway: GatewayProcess) -> Iterator[Prometheus]:
    """Prometheus, while a small load runs."""
    with prometheus(urlsplit(gateway.url).netloc, RULES) as running:
        running.wait_for("up", 1)
        yield running


@pytest.fixture(scope="module")
def loaded(
    gateway: GatewayProcess, scraped: Prometheus, shared_upstream: FakeUpstream
) -> Prometheus:
    """The same once all of the load has been scraped, and seen to grow."""

    async def fail(exchange: Exchange) -> None:
        await exchange.whole({"error": {"message": "broken"}}, 500)

    keys = [make_key(gateway.url, f"site {number}") for number in range(3)]

    def ask(number: int) -> None:
        with connect(gateway.url) as client:
            for path in (CHAT, "/api/chat", "/v1/embeddings"):
                body = {"model": QUESTION["model"], "input": "x"} if "emb" in path else STREAM
                client.post(path, json=body, headers=bearer(keys[number % 3]))

    def load() -> None:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(ask, range(30)))
        with connect(gateway.url) as client:
            client.post(CHAT, json=QUESTION)

    load()
    scraped.wait_for("sum(localllm_requests_total)", 91)
    load()
    shared_upstream.behave = fail
    with connect(gateway.url) as client:
        client.post(CHAT, json=QUESTION, headers=bearer(keys[0]))
    shared_upstream.reset()
    scraped.wait_for("sum(localllm_requests_total)", 183)
    scraped.wait_for("sum(localllm_outbox_waiting)", 0)
    scraped.wait_for("count(localllm_key_used_tokens)", 3)
    return scraped


def rows(dsn: str) -> list[Any]:
    async def read() -> list[Any]:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetch("select * from gateway.usage_logs")
        finally:
            await connection.close()

    return asyncio.run(read())


def test_what_prometheus_has_scraped_are_the_sums_of_the_request_log(
    loaded: Prometheus, file_dsn: str
):
    log = rows(file_dsn)
    assert len(log) == 181  # all but the two without a key
    for route in {row["endpoint"] for row in log}:
        of_route = sum(row["endpoint"] == route for row in log)
        asked = f'sum(localllm_requests_total{{route="{route}",key_id!=""}})'
        assert loaded.number(asked) == of_route
    for status in {row["status"] for row in log}:
        asked = f'sum(localllm_requests_total{{status="{status}",key_id!=""}})'
        assert loaded.number(asked) == sum(row["status"] == status for row in log)
    for kind in ("prompt", "completion"):
        for key_id in {row["api_key_id"] for row in log}:
            of_key = sum(row[f"{kind}_tokens"] for row in log if row["api_key_id"] == key_id)
            asked = f'sum(localllm_tokens_total{{type="{kind}",key_id="{key_id}"}})'
            assert loaded.number(asked) == of_key
    durations = sum(row["duration_ms"] for row in log) / 1000
    told = loaded.number("sum(localllm_request_duration_seconds_sum)")
    assert told == pytest.approx(durations, abs=0.001)


@pytest.mark.parametrize(("title", "expression"), queries())
def test_every_query_of_the_dashboard_has_data(loaded: Prometheus, title: str, expression: str):
    assert loaded.ask(expression), title


def test_every_rule_is_one_that_prometheus_evaluates(loaded: Prometheus):
    rules = loaded.rules()
    assert len(rules) > 10
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}  # the latter: not yet
    assert not [rule for rule in rules if rule.get("lastError")]
    for rule in rules:
        loaded.ask(rule["query"])


def test_every_metric_that_is_asked_for_is_there_and_described(loaded: Prometheus):
    there = {series["metric"]["__name__"] for series in loaded.ask('{__name__=~"localllm_.*"}')}
    asked = " ".join([RULES.read_text(), *(text for _, text in queries())])
    named = set(re.findall(r"\blocalllm_\w+", asked))
    assert named <= there
    for name in there:
        plain = re.sub(r"_(bucket|count|sum)$", "", name)
        assert f"`{plain}`" in PAGE, f"docs/metrics.md does not say what {plain} is"


def test_promtool_finds_the_metrics_well_formed(gateway: GatewayProcess, loaded: Prometheus):
    with connect(gateway.url) as client:
        page = client.get("/metrics").text
    promtool("check", "metrics", read=page)


def test_promtool_finds_the_rules_well_formed():
    promtool("check", "rules", str(RULES))


# Of each alert: series that raise it, from a minute to the next, and when it is looked at.
RAISING: dict[str, tuple[dict[str, str], str]] = {
    "LocalllmAway": ({'up{job="localllm",instance="a"}': "0x60"}, "10m"),
    "LocalllmPartDown": ({'localllm_up{part="store",instance="a"}': "0x60"}, "10m"),
    "LocalllmModelServerDown": ({'localllm_backend_up{backend="b",instance="a"}': "0x60"}, "10m"),
    "LocalllmQueueFull": (
        {"localllm_queued_requests": "64x60", "localllm_queue_limit": "64x60"},
        "10m",
    ),
    "LocalllmManyFail": (
        {
            'localllm_requests_total{status="ok",instance="a"}': "0+8x60",
            'localllm_requests_total{status="truncated",instance="a"}': "0+2x60",
        },
        "30m",
    ),
    "LocalllmSlowToBegin": (
        {
            'localllm_time_to_first_token_seconds_bucket{instance="a",le="10.0"}': "0x60",
            'localllm_time_to_first_token_seconds_bucket{instance="a",le="80.0"}': "0+9x60",
            'localllm_time_to_first_token_seconds_bucket{instance="a",le="+Inf"}': "0+9x60",
        },
        "40m",
    ),
    "LocalllmModelsSwap": ({'localllm_model_swaps_total{backend="b"}': "0+5x60"}, "30m"),
    "LocalllmDatabaseSlow": (
        {
            'localllm_store_call_seconds_bucket{call="authorize",instance="a",le="1.0"}': "0x60",
            'localllm_store_call_seconds_bucket{call="authorize",instance="a",le="5.0"}': "0+9x60",
            'localllm_store_call_seconds_bucket{call="authorize",instance="a",le="+Inf"}': "0+9x60",
        },
        "40m",
    ),
    "LocalllmOutboxWaits": ({"localllm_outbox_oldest_seconds": "400x60"}, "10m"),
    "LocalllmKeyNearLimit": (
        {
            'localllm_key_used_tokens{key="k",key_id="1"}': "90x60",
            'localllm_key_limit_tokens{key="k",key_id="1"}': "100x60",
        },
        "10m",
    ),
    "LocalllmGuesses": ({'localllm_refusals_total{code="invalid_api_key"}': "0+50x60"}, "30m"),
    "LocalllmFewDescriptorsLeft": (
        {'process_open_fds{job="localllm"}': "90x60", 'process_max_fds{job="localllm"}': "100x60"},
        "30m",
    ),
}
# The same of a gateway that is well.
WELL = {
    'up{job="localllm",instance="a"}': "1x60",
    'localllm_up{part="store",instance="a"}': "1x60",
    'localllm_up{part="gateway",instance="a"}': "1x60",
    'localllm_backend_up{backend="b",instance="a"}': "1x60",
    "localllm_queued_requests": "0x60",
    "localllm_queue_limit": "64x60",
    'localllm_requests_total{status="ok",instance="a"}': "0+8x60",
    'localllm_requests_total{status="refused",instance="a"}': "0+2x60",
    'localllm_time_to_first_token_seconds_bucket{instance="a",le="10.0"}': "0+9x60",
    'localllm_time_to_first_token_seconds_bucket{instance="a",le="+Inf"}': "0+9x60",
    'localllm_model_swaps_total{backend="b"}': "0+1x60",
    'localllm_store_call_seconds_bucket{call="authorize",instance="a",le="1.0"}': "0+9x60",
    'localllm_store_call_seconds_bucket{call="authorize",instance="a",le="+Inf"}': "0+9x60",
    "localllm_outbox_oldest_seconds": "1x60",
    'localllm_key_used_tokens{key="k",key_id="1"}': "10x60",
    'localllm_key_limit_tokens{key="k",key_id="1"}': "100x60",
    'localllm_refusals_total{code="invalid_api_key"}': "0+1x60",
    'process_open_fds{job="localllm"}': "10x60",
    'process_max_fds{job="localllm"}': "100x60",
}


def expected(name: str, fires: bool, when: str, series: dict[str, str]) -> dict[str, Any]:
    """One test as promtool reads it: how often the alert is there then."""
    count = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": count, "eval_time": when, "exp_samples": samples}],
    }


def test_each_alert_is_raised_when_it_should_and_not_otherwise(tmp_path: Path):
    names = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    assert RAISING.keys() == names
    tests = [expected(name, True, when, series) for name, (series, when) in RAISING.items()]
    tests += [expected(name, False, when, WELL) for name, (_, when) in RAISING.items()]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": tests}))
    promtool("test", "rules", str(file))
