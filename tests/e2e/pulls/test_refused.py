"""What may not be pulled is refused in OpenAI's form, and none of it reaches Ollama."""

import json

import httpx
import pytest

from tests.support.callers import bearer, connect, counted, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_pull import pull_slowly
from tests.support.fake_upstream import CLOUD_MODEL, Exchange, FakeUpstream
from tests.support.hostile_names import HOSTILE
from tests.support.lane_calls import OWN_LOOKS
from tests.support.puller import NEW, PATH, pull, pulling

PAGE = "https://my.page.example"


@pytest.fixture(scope="module")
def puller(gateway: GatewayProcess) -> str:
    return make_key(gateway.url, scopes=["models:pull"])


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The message of a refusal."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    return error["message"]


def untouched(upstream: FakeUpstream) -> bool:
    """The gateway's own looks are all that came."""
    return {one.target for one in upstream.received} <= {*OWN_LOOKS, "/api/show"}


def test_hostile_names_reach_nobody(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, puller: str
) -> None:
    before = counted(gateway.url, puller)
    for name in HOSTILE:
        refused(pull(client, puller, name), 400, "invalid_request")
    assert untouched(upstream)
    assert counted(gateway.url, puller) == before


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"x","insecure":true}',
        b'{"model":"x","name":"evil.example/x/y"}',
        b'{"model":"x","Model":"evil.example/x/y"}',
        b'{"model":"x","model":"y"}',
        b'{"model":"x"}{"model":"evil.example/x/y"}',
        b"{}",
    ],
)
@pytest.mark.parametrize("media", ["application/json", "text/plain"])
def test_a_body_that_says_anything_else_reaches_nobody(
    upstream: FakeUpstream, client: httpx.Client, puller: str, body: bytes, media: str
) -> None:
    headers = {**bearer(puller), "Content-Type": media}
    refused(client.post(PATH, content=body, headers=headers), 400, "invalid_request")
    assert untouched(upstream)


def test_a_body_that_is_encoded_or_too_large_reaches_nobody(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    coded = {**bearer(puller), "Content-Encoding": "gzip"}
    assert client.post(PATH, content=b"x", headers=coded).status_code == 415
    large = json.dumps({"model": "x" * 70_000}).encode()
    assert client.post(PATH, content=large, headers=bearer(puller)).status_code == 413
    assert untouched(upstream)


def test_nobody_pulls_without_a_key_that_may(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, key: str
) -> None:
    refused(client.post(PATH, json={"model": NEW}), 401, "invalid_api_key")
    refused(pull(client, "llm_" + "0" * 32), 401, "invalid_api_key")
    refused(pull(client, key), 403, "permission_denied")  # without the scope
    narrow = make_key(gateway.url, scopes=["models:pull"], allowed_models=["other"])
    refused(pull(client, narrow), 403, "model_not_found")
    assert untouched(upstream)
    wide = make_key(gateway.url, scopes=["models:pull"], allowed_models=["other", NEW])
    assert pull(client, wide, f"Library/{NEW}").status_code == 200


def test_a_page_elsewhere_cannot_pull_with_a_key_that_is_bound_to_a_website(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client
) -> None:
    bound = make_key(gateway.url, scopes=["models:pull"], allowed_origins=[PAGE])
    body = {"model": NEW}
    answer = client.post(PATH, json=body, headers={**bearer(bound), "Origin": "https://evil.test"})
    refused(answer, 403, "permission_denied")
    assert untouched(upstream)
    good = client.post(PATH, json=body, headers={**bearer(bound), "Origin": PAGE})
    assert good.status_code == 200
    assert good.headers["access-control-allow-origin"]


def test_a_page_may_ask_before_it_pulls(client: httpx.Client) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    answer = client.options(PATH, headers=asked)
    assert answer.status_code == 204
    assert "POST" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_told_which_one_pulls(
    client: httpx.Client, puller: str, method: str
) -> None:
    answer = client.request(method, PATH, headers=bearer(puller))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("name", ["gpt-oss:cloud", "gpt-oss:120b-CLOUD", CLOUD_MODEL])
def test_a_model_of_the_cloud_is_not_pulled_unless_the_owner_allows_it(
    upstream: FakeUpstream, client: httpx.Client, puller: str, shared_dsn: str, name: str
) -> None:
    refused(pull(client, puller, name), 403, "model_not_found")
    assert untouched(upstream)
    with (
        served(upstream.url, shared_dsn, ALLOW_CLOUD_MODELS="true") as gateway,
        connect(gateway.url) as other,
    ):
        key = make_key(gateway.url, scopes=["models:pull"])
        assert pull(other, key, name).status_code == 200
    assert [one.json["model"] for one in upstream.pulls] == [name]


def test_a_third_model_at_once_is_told_when_to_come_back(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, puller: str
) -> None:
    gate = upstream.gate()
    upstream.pull = pull_slowly(gate.passed)
    with pulling(client, puller, "a:1b") as first, pulling(client, puller, "b:1b") as second:
        first.until(completed=400)
        second.until(completed=400)
        full = pull(client, puller, "c:1b")
        assert "Try again in 30 s" in refused(full, 429, "rate_limit_exceeded")
        assert full.headers["retry-after"] == "30"
        with pulling(client, puller, "a:1b") as joins:
            assert joins.until(completed=400)
        gate.open()
        assert first.rest()[-1] == second.rest()[-1] == "[DONE]"
    assert len(upstream.pulls) == 2
    assert pull(client, puller, "c:1b").status_code == 200


def test_a_server_that_is_no_ollama_is_said_not_to_pull(
    upstream: FakeUpstream, gateway: GatewayProcess, shared_dsn: str
) -> None:
    async def no_such_route(exchange: Exchange) -> None:
        await exchange.whole(b"404 page not found", 404)

    upstream.pull = no_such_route  # one that is not known for what it is
    key = make_key(gateway.url, scopes=["models:pull"])
    with connect(gateway.url) as client:
        refused(pull(client, key), 501, "not_supported")
    upstream.received.clear()
    before = upstream.models
    try:
        upstream.models = []
        with served(f"{upstream.url}/llama", shared_dsn) as foreign, connect(foreign.url) as client:
            message = refused(pull(client, key), 501, "not_supported")
        assert "This needs Ollama" in message
        assert upstream.pulls == []
    finally:
        upstream.models = before
