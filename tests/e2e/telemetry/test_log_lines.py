"""LOG_FORMAT=json: one line for each request, which says what the request log says."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.callers import QUESTION, bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream

HOSTILE = "a\n\x1b[31mforged\u202e\x9b2J"
COLUMNS = (
    *("api_key_id", "model", "status", "usage_source", "prompt_tokens", "completion_tokens"),
    *("total_tokens", "ttft_ms", "duration_ms"),
)


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    settings = {"LOG_FORMAT": "json", "UPSTREAM_CONCURRENCY": 1, "QUEUE_LIMIT": 0}
    with served(shared_upstream.url, shared_dsn, **settings) as running:
        yield running


def lines(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """What the gateway logged so far."""
    assert gateway.running is not None
    said = gateway.running.output.splitlines()
    return [json.loads(line) for line in said if line.startswith("{")]


def line_of(gateway: GatewayProcess, answer: httpx.Response) -> dict[str, Any]:
    """The line of one request, as soon as it is there."""
    name = answer.headers["x-request-id"]
    assert gateway.running is not None
    gateway.running.wait_for(f'"id": "{name}".*\n')
    [found] = [line for line in lines(gateway) if line.get("id") == name]
    return found


def logged(dsn: str, name: str) -> dict[str, Any]:
    """The row of the request log, once the store has it."""

    async def read() -> dict[str, Any]:
        connection = await asyncpg.connect(dsn)
        try:
            while True:
                row = await connection.fetchrow(
                    "select * from gateway.usage_logs where request_id = $1", name
                )
                if row is not None:
                    return dict(row)
                await asyncio.sleep(0.01)  # a look at what another process does, no timing
        finally:
            await connection.close()

    return asyncio.run(asyncio.wait_for(read(), 60))


async def broken(exchange: Exchange) -> None:
    """A model that is cut in the middle of its answer."""
    await exchange.head()
    await exchange.words(("half",))
    exchange.cut()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_line_says_what_the_request_log_says(
    gateway: GatewayProcess, key: str, shared_dsn: str, stream: bool
):
    with connect(gateway.url) as client:
        body = {**QUESTION, "stream": stream}
        answer = client.post("/v1/chat/completions", json=body, headers=bearer(key))
    assert answer.status_code == 200
    line = line_of(gateway, answer)
    row = logged(shared_dsn, line["id"])
    row["api_key_id"] = str(row["api_key_id"])
    assert {name: line[name] for name in COLUMNS} == {name: row[name] for name in COLUMNS}
    assert (line["route"], line["http_status"], line["code"]) == (row["endpoint"], 200, None)
    assert (line["stream"], line["level"]) == (stream, "info")
    assert line["total_tokens"] > 0


def refusals() -> dict[str, Callable[[httpx.Client, str], httpx.Response]]:
    chat = "/v1/chat/completions"
    return {
        "missing_api_key": lambda client, key: client.post(chat, json=QUESTION),
        "invalid_request": lambda client, key: client.post(chat, content=b"{", headers=bearer(key)),
        "cloud_model": lambda client, key: client.post(
            chat, json={**QUESTION, "model": "remote-alias:latest"}, headers=bearer(key)
        ),
        "not_found": lambda client, key: client.get("/v1/../x"),
        "admin_denied": lambda client, key: client.get("/admin/api-keys"),
        "host_not_served": lambda client, key: client.get("/", headers={"host": "evil.example"}),
        "malformed_api_key": lambda client, key: client.get("/v1/usage", headers=bearer("x")),
        "method_not_allowed": lambda client, key: client.get(chat, headers=bearer(key)),
    }


@pytest.mark.parametrize("code", refusals())
def test_a_refusal_is_a_line_with_its_code(gateway: GatewayProcess, key: str, code: str):
    with connect(gateway.url) as client:
        answer = refusals()[code](client, key)
    line = line_of(gateway, answer)
    assert (line["status"], line["code"]) == ("refused", code)
    assert line["http_status"] == answer.status_code >= 400


def test_a_refused_key_is_named_in_its_line(gateway: GatewayProcess):
    key = make_key(gateway.url, rate_limit_per_min=1)
    with connect(gateway.url) as client:
        said = [
            client.post("/v1/chat/completions", json=QUESTION, headers=bearer(key))
            for _ in range(2)
        ]
    served, refused = (line_of(gateway, answer) for answer in said)
    assert refused["code"] == "rate_limit_exceeded"
    assert refused["api_key_id"] == served["api_key_id"] is not None
    assert (refused["model"], refused["total_tokens"]) == (QUESTION["model"], 0)


def test_no_prompt_no_key_and_no_control_character_is_logged(gateway: GatewayProcess, key: str):
    secret = "the prompt of somebody"
    body = {"model": HOSTILE, "messages": [{"role": "user", "content": secret}]}
    with connect(gateway.url) as client:
        refused = client.post("/v1/chat/completions", json=body, headers=bearer(key))
        body["model"] = QUESTION["model"]
        answer = client.post("/v1/chat/completions", json=body, headers=bearer(key))
        lost = client.get(f"/v1/models/{key}", headers=bearer(key))
    for one in (refused, answer, lost):
        assert line_of(gateway, one)
    assert gateway.running is not None
    output = gateway.running.output
    assert secret not in output
    assert key not in output
    assert all(line.isprintable() and line.isascii() for line in output.splitlines())


def test_an_answer_that_breaks_off_says_so_in_its_line(
    gateway: GatewayProcess, key: str, upstream: FakeUpstream
):
    upstream.behave = broken
    with connect(gateway.url) as client:
        body = {**QUESTION, "stream": True}
        answer = client.post("/v1/chat/completions", json=body, headers=bearer(key))
    line = line_of(gateway, answer)
    assert (line["status"], line["code"], line["http_status"]) == ("truncated", "truncated", 200)
    assert line["usage_source"] == "estimated"


def test_a_client_that_leaves_is_a_line_too(
    gateway: GatewayProcess, key: str, upstream: FakeUpstream, shared_dsn: str
):
    gate = upstream.gate()

    async def slow(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(("half",))
        await gate.passed()

    upstream.behave = slow
    with connect(gateway.url) as client:
        body = {**QUESTION, "stream": True}
        with client.stream(
            "POST", "/v1/chat/completions", json=body, headers=bearer(key)
        ) as answer:
            assert next(answer.iter_bytes())
    line = line_of(gateway, answer)
    row = logged(shared_dsn, line["id"])
    assert line["status"] == row["status"] == "client_gone"
    assert line["total_tokens"] == row["total_tokens"]
    gate.open()


def test_by_default_requests_are_not_logged(shared_upstream: FakeUpstream, shared_dsn: str):
    with served(shared_upstream.url, shared_dsn) as quiet:
        with connect(quiet.url) as client:
            assert client.get("/health").status_code == 200
        assert quiet.running is not None
        said = quiet.running
    assert "/health" not in said.output
