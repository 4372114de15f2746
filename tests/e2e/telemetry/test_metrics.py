"""`/metrics`: its figures are those of the request log, whatever becomes of a request."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.callers import QUESTION, bearer, connect, make_key, make_keys, served
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream
from tests.support.prometheus_text import Samples, scrape

CHAT = "/v1/chat/completions"
HOSTILE = 'a"} 1 \\n{x="<b>\\'
STREAM = {**QUESTION, "stream": True}
ASKED = 2 * 24 + 4  # requests of `load`


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, file_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, file_dsn, DEFAULT_RATE_LIMIT_PER_MIN=1000) as running:
        yield running


def log_sums(dsn: str) -> list[dict[str, Any]]:
    """The request log, added up by route, model, key and status."""

    async def read() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(dsn)
        rows = await connection.fetch(
            "select endpoint, model, api_key_id::text as key_id, status, count(*) as requests,"
            " sum(prompt_tokens)::int as prompt, sum(completion_tokens)::int as completion"
            " from gateway.usage_logs group by 1, 2, 3, 4"
        )
        await connection.close()
        return [dict(row) for row in rows]

    return asyncio.run(read())


async def cut(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.words(("half",))
    exchange.cut()


async def fail(exchange: Exchange) -> None:
    await exchange.whole({"error": {"message": "broken"}}, 500)


def load(gateway: GatewayProcess, upstream: FakeUpstream, keys: list[str]) -> None:
    """Requests of every kind, some of them at once."""

    def ask(number: int) -> None:
        with connect(gateway.url) as client:
            body = STREAM if number % 2 else QUESTION
            client.post(CHAT, json=body, headers=bearer(keys[number % len(keys)]))
            client.post("/api/chat", json=body, headers=bearer(keys[0]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(24)))
    with connect(gateway.url) as client:
        for behave in (cut, fail):
            upstream.behave = behave
            client.post(CHAT, json=STREAM, headers=bearer(keys[0]))
        upstream.reset()
        client.post("/v1/embeddings", json={"model": MODEL, "input": "x"}, headers=bearer(keys[0]))
        client.post("/api/pull", json={"model": "tiny"}, headers=bearer(keys[-1]))


def test_the_figures_are_the_sums_of_the_request_log(
    gateway: GatewayProcess, upstream: FakeUpstream, file_dsn: str
):
    scopes = ["chat", "embeddings", "models:pull"]
    keys = [make_key(gateway.url, f"site {number}", scopes=scopes) for number in range(3)]
    load(gateway, upstream, keys)
    with connect(gateway.url) as client:

        async def settled() -> Samples | None:
            told = await asyncio.to_thread(scrape, client)
            all_ended = told.total("localllm_requests_total") >= ASKED
            return told if all_ended and not told.total("localllm_outbox_waiting") else None

        told = asyncio.run(eventually(settled))
    sums = log_sums(file_dsn)
    assert {row["status"] for row in sums} >= {"ok", "truncated", "upstream_error"}
    for row in sums:
        labels = {"model": row["model"], "key_id": row["key_id"]}
        counted = told.total(
            "localllm_requests_total", route=row["endpoint"], status=row["status"], **labels
        )
        assert counted == row["requests"], row
    total = sum(row["requests"] for row in sums)
    assert told.total("localllm_requests_total") == total
    for kind in ("prompt", "completion"):
        assert told.total("localllm_tokens_total", type=kind) == sum(row[kind] for row in sums)
        for key_id in {row["key_id"] for row in sums}:
            of_key = sum(row[kind] for row in sums if row["key_id"] == key_id)
            assert told.total("localllm_tokens_total", type=kind, key_id=key_id) == of_key
    assert told.values("localllm_tokens_total", "key") == {"site 0", "site 1", "site 2"}
    assert told.total("localllm_time_to_first_token_seconds_count", route=CHAT) >= 13
    asked = told.total("localllm_request_duration_seconds_count")
    assert asked == total - told.total("localllm_requests_total", route="/api/pull")
    assert told.total("localllm_store_call_seconds_count", call="settle") > 0
    assert told.total("localllm_key_used_tokens") > 0


def test_a_refusal_is_counted_by_its_code(gateway: GatewayProcess):
    with connect(gateway.url) as client:
        before = scrape(client)
        client.post(CHAT, json=QUESTION)
        client.post(CHAT, json=QUESTION, headers=bearer(f"llm_{'x' * 32}"))
        client.get("/nowhere")
        after = scrape(client)

    def more(**labels: str) -> float:
        return after.total("localllm_refusals_total", **labels) - before.total(
            "localllm_refusals_total", **labels
        )

    assert more(route=CHAT, code="missing_api_key") == 1
    assert more(route=CHAT, code="malformed_api_key") == 1
    assert more(route="other", code="not_found") == 1


def test_what_runs_waits_and_is_held_is_told(upstream: FakeUpstream, file_dsn: str):
    gate = upstream.gate()

    async def wait(exchange: Exchange) -> None:
        await gate.passed()
        await exchange.whole(exchange.completion())

    upstream.behave = wait
    settings = {"UPSTREAM_CONCURRENCY": 1, "QUEUE_LIMIT": 5}
    with served(upstream.url, file_dsn, **settings) as gateway, ThreadPoolExecutor(2) as pool:
        key = make_key(gateway.url)

        def ask() -> httpx.Response:
            with connect(gateway.url) as client:
                return client.post(CHAT, json={**QUESTION, "max_tokens": 7}, headers=bearer(key))

        asked = [pool.submit(ask) for _ in range(2)]
        with connect(gateway.url) as client:

            async def both() -> Samples | None:
                told = await asyncio.to_thread(scrape, client)
                return told if told.total("localllm_queued_requests") == 1 else None

            told = asyncio.run(eventually(both))
            gate.open()
            assert [one.result().status_code for one in asked] == [200, 200]
            after = scrape(client)
    assert told.total("localllm_running_requests") == 1
    assert told.total("localllm_queue_limit") == 5
    assert (told.total("localllm_slots"), told.total("localllm_slots_used")) == (1, 1)
    assert told.total("localllm_held_tokens") > 2 * 7
    for part in ("gateway", "store", "model_server", "outbox"):
        assert told.total("localllm_up", part=part) == 1
    assert after.total("localllm_held_tokens") == after.total("localllm_slots_used") == 0


def test_a_model_that_is_loaded_in_place_of_another_is_a_swap(
    upstream: FakeUpstream, file_dsn: str
):
    upstream.models = [*upstream.models, {"name": "second:latest", "model": "second:latest"}]
    upstream.loaded = []  # there is no room for both
    try:
        with served(upstream.url, file_dsn) as gateway, connect(gateway.url) as client:
            key = make_key(gateway.url)
            for model in (MODEL, MODEL, "second:latest", MODEL):
                asked = {**QUESTION, "model": model}
                assert client.post(CHAT, json=asked, headers=bearer(key)).is_success
            assert scrape(client).total("localllm_model_swaps_total") == 2
    finally:
        upstream.models, upstream.loaded = upstream.models[:-1], None


def test_a_hostile_name_of_a_key_breaks_no_line(gateway: GatewayProcess):
    made = make_keys(gateway.url, HOSTILE)
    with connect(gateway.url) as client:
        assert client.post(CHAT, json=QUESTION, headers=bearer(made["key"])).is_success
        page = client.get("/metrics").text
    assert all(line.isprintable() for line in page.splitlines())
    told = Samples(page)
    assert told.total("localllm_requests_total", key_id=made["id"]) == 1
    assert made["key"] not in page


def test_a_model_that_nobody_has_gets_no_label(gateway: GatewayProcess):
    key = make_key(gateway.url, allowed_models=[MODEL])
    with connect(gateway.url) as client:
        for name in ("made-up-1", "made-up-2"):
            asked = {**QUESTION, "model": name}
            assert client.post(CHAT, json=asked, headers=bearer(key)).status_code >= 400
        assert not any("made-up" in str(one) for one in scrape(client).all)


def test_openmetrics_is_told_to_whom_it_is_asked_for(gateway: GatewayProcess):
    accept = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    with connect(gateway.url) as client:
        answer = client.get("/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"localllm_requests", "localllm_request_duration_seconds"} <= families


def test_while_the_database_is_away_the_page_says_so(upstream: FakeUpstream, tmp_path: Any):
    from tests.support.bare_gateway import bare_gateway
    from tests.support.bare_gateway import served as served_bare

    async def read() -> str:
        with bare_gateway(tmp_path) as services:
            async with (
                served_bare(services) as url,
                httpx.AsyncClient(trust_env=False, timeout=60) as client,
            ):
                return (await client.get(f"{url}/metrics")).text

    told = Samples(asyncio.run(read()))
    for part in ("gateway", "store", "model_server"):
        assert told.total("localllm_up", part=part) == 0


def test_all_tokens_are_those_of_the_model(gateway: GatewayProcess):
    made = make_keys(gateway.url, "counted")
    with connect(gateway.url) as client:
        client.post(CHAT, json=STREAM, headers=bearer(made["key"]))

        async def counted() -> Samples | None:
            """A stream is over once the model's own end of it has come, behind its last event."""
            told = await asyncio.to_thread(scrape, client)
            return told if told.total("localllm_requests_total", key_id=made["id"]) else None

        told = asyncio.run(eventually(counted))
    told_of_key = {"key_id": made["id"], "model": MODEL, "source": "reported"}
    assert told.total("localllm_tokens_total", type="prompt", **told_of_key) == PROMPT_TOKENS
    assert told.total("localllm_tokens_total", type="completion", **told_of_key) == len(WORDS)
