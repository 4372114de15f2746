"""A key with the scope pulls a model: it sees real progress, and the pull outlives its callers."""

import json
import socket
from typing import Any

import httpx
import pytest

from tests.support.callers import bearer, connect, counted, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_pull import BIG, LAST_LINES, MANIFEST, STREAMS, layer, pull_slowly, say
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.puller import NEW, PATH, events, pull, pulling
from tests.support.raw_client import request

SCOPES = ["models:pull", "models:read"]


@pytest.fixture(scope="module")
def puller(gateway: GatewayProcess) -> str:
    return make_key(gateway.url, scopes=SCOPES)


def test_progress_is_told_in_bytes_over_all_layers_and_ends_with_done(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    gate = upstream.gate()
    upstream.pull = pull_slowly(gate.passed)
    with pulling(client, puller, "Qwen2.5:7B") as told:
        assert told.answer.status_code == 200
        assert told.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert told.answer.headers["x-request-id"]
        assert int(told.answer.headers["x-ratelimit-remaining-requests"]) >= 0
        half = told.until(completed=400)
        gate.open()
        *between, last, end = told.rest()
    assert half == {
        "object": "model.pull",
        "model": "Qwen2.5:7B",
        "status": f"pulling {BIG[7:19]}",
        "completed": 400,
        "total": 1000,
        "percent": 40.0,
        "done": False,
    }
    assert end == "[DONE]"
    [final] = events(f"data: {last}\n\n")
    assert final == {**half, "status": "success", "completed": 1010, "total": 1010} | {
        "percent": 100.0,
        "done": True,
    }
    assert all('"done":false' in event for event in between)


def test_ollama_gets_the_name_and_nothing_of_the_caller(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    headers = {**bearer(puller), "Cookie": "a=b", "X-Forwarded-For": "1.2.3.4"}
    client.post(PATH, json={"model": NEW}, headers=headers)
    [asked] = upstream.pulls
    assert asked.json == {"model": NEW, "stream": True}
    assert puller.encode() not in asked.raw
    assert {"authorization", "cookie", "x-forwarded-for"}.isdisjoint(dict(asked.headers))


def test_without_a_stream_the_final_state_is_the_answer(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    answer = pull(client, puller)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["status"] == "success"
    assert answer.json()["done"] is True
    assert (answer.json()["completed"], answer.json()["total"]) == (1010, 1010)


def test_an_installed_model_is_asked_for_again_since_there_may_be_a_newer_one(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    async def up_to_date(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await say(exchange, MANIFEST, *LAST_LINES)
        await exchange.end()

    upstream.pull = up_to_date
    assert pull(client, puller, MODEL).json()["percent"] == 100.0
    assert len(upstream.pulls) == 1


def test_a_second_caller_joins_and_sees_at_once_how_far_it_is(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, puller: str
) -> None:
    gate = upstream.gate()
    upstream.pull = pull_slowly(gate.passed)
    other = make_key(gateway.url, scopes=["models:pull"])
    with (
        pulling(client, puller) as first,
        pulling(client, other, "QWEN2.5:7b") as second,
        pulling(client, puller, f"library/{NEW}") as third,
    ):
        for told in (first, second, third):
            told.until(completed=400)
        gate.open()
        for told in (first, second, third):
            *_, last, end = told.rest()
            assert '"done":true' in last
            assert end == "[DONE]"
    assert len(upstream.pulls) == 1


@pytest.mark.parametrize("stream", [True, False])
def test_a_pull_outlives_its_caller_and_a_later_one_joins_it(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, puller: str, stream: bool
) -> None:
    gate = upstream.gate()
    upstream.pull = pull_slowly(gate.passed)
    body = json.dumps({"model": NEW, "stream": stream}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as leaving:
        leaving.sendall(request("POST", PATH, body, f"Authorization: Bearer {puller}"))
        upstream.wait_until(lambda: upstream.pulls)
    with pulling(client, puller) as told:
        told.until(completed=400)
        gate.open()
        assert told.rest()[-1] == "[DONE]"
    [only] = upstream.pulls
    assert not only.gone


def test_a_pulled_model_is_listed_at_once_and_can_be_used(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client
) -> None:
    key = make_key(gateway.url, scopes=[*SCOPES, "chat"])
    before = list(upstream.models)

    async def install(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        upstream.models = [*before, {"name": "fresh:1b"}, {"name": "stub:1b", "remote_host": "h"}]
        await say(exchange, *LAST_LINES)
        await exchange.end()

    def listed() -> set[str]:
        models = client.get("/v1/models", headers=bearer(key)).json()["data"]
        return {model["id"] for model in models}

    def chat(model: str) -> int:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        return client.post("/v1/chat/completions", json=body, headers=bearer(key)).status_code

    upstream.pull = install
    try:
        assert "fresh:1b" not in listed()
        assert pull(client, key, "fresh:1b").status_code == 200
        assert "fresh:1b" in listed()
        assert chat("fresh:1b") == 200
        assert chat("stub:1b") == 403  # it is known already that this one runs in the cloud
    finally:
        upstream.models = before


def test_an_alias_is_pulled_under_its_real_name_and_shown_as_it_was_asked_for(
    upstream: FakeUpstream, shared_dsn: str
) -> None:
    with (
        served(upstream.url, shared_dsn, MODEL_ALIASES=f"gpt-4o-mini={NEW}") as gateway,
        connect(gateway.url) as client,
    ):
        key = make_key(gateway.url, scopes=SCOPES, allowed_models=[NEW])
        assert pull(client, key, "gpt-4o-mini").json()["model"] == "gpt-4o-mini"
    assert [one.json["model"] for one in upstream.pulls] == [NEW]


def test_a_pull_counts_as_a_request_and_costs_no_tokens(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client
) -> None:
    key = make_key(gateway.url, scopes=SCOPES, rate_limit_per_min=1, monthly_token_limit=0)
    assert pull(client, key).status_code == 200
    refused = pull(client, key)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert int(refused.headers["retry-after"]) >= 1
    assert len(upstream.pulls) == 1
    assert counted(gateway.url, key) == (1, 0, 0)


def test_who_waits_gets_signs_of_life_that_parsers_pass_over(
    upstream: FakeUpstream, shared_dsn: str
) -> None:
    gate = upstream.gate()
    upstream.pull = pull_slowly(gate.passed)
    with (
        served(upstream.url, shared_dsn, HEARTBEAT_SECONDS=0.2) as gateway,
        connect(gateway.url) as client,
    ):
        key = make_key(gateway.url, scopes=SCOPES)
        body = {"model": NEW}
        with (
            pulling(client, key) as told,
            client.stream("POST", PATH, json=body, headers=bearer(key)) as whole,
        ):
            told.until(completed=400)
            pieces = whole.iter_raw()
            assert next(pieces).strip() == b""
            assert next(pieces).strip() == b""
            gate.open()
            final: Any = events(f"data: {b''.join(pieces).decode().strip()}")
            assert told.rest()[-1] == "[DONE]"
        assert told.comments >= 1
        assert final[0]["done"] is True


def test_no_key_stands_in_the_log_and_who_pulled_does(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, puller: str
) -> None:
    assert pull(client, puller, "logged:1b").status_code == 200
    identity = client.get("/v1/usage", headers=bearer(puller)).json()["key"]["id"]
    assert gateway.running is not None
    gateway.running.wait_for(f"key {identity} pulls logged:1b")
    gateway.running.wait_for("pull of logged:1b, 1010 bytes: success")
    assert puller not in gateway.running.output


def test_the_same_bytes_again_are_not_told_again(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    async def stand_still(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await say(exchange, MANIFEST, *[layer(400)] * 1000, *LAST_LINES)
        await exchange.end()

    upstream.pull = stand_still
    with pulling(client, puller) as told:
        assert len(told.rest()) < 10
