"""`POST /api/pull`: what `ollama pull` asks for, and `ollama run` where a model is missing."""

import json
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import ollama
import pytest

from tests.support.callers import bearer, counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_pull import BIG, MANIFEST, SMALL, layer, pull_fails, pull_slowly
from tests.support.fake_upstream import FakeUpstream
from tests.support.puller import NEW, pulling

SCOPES = ["models:pull", "models:read"]


@pytest.fixture
def puller(gateway: GatewayProcess) -> str:
    return make_key(gateway.url, scopes=SCOPES)


@contextmanager
def calling(gateway: GatewayProcess, key: str) -> Generator[ollama.Client]:
    with ollama.Client(host=gateway.url, headers=bearer(key), trust_env=False) as made:
        yield made


def test_ollama_s_package_pulls_with_progress_of_each_layer_and_it_counts_as_one_request(
    upstream: FakeUpstream, gateway: GatewayProcess, puller: str
) -> None:
    with calling(gateway, puller) as client:
        told = list(client.pull(NEW, stream=True))
        assert client.pull(NEW).status == "success"
    assert told[-1].status == "success"
    done = {one.digest: (one.completed, one.total) for one in told if one.digest}
    assert done == {BIG: (1000, 1000), SMALL: (10, 10)}
    assert [one.json for one in upstream.pulls] == [{"model": NEW, "stream": True}] * 2
    assert counted(gateway.url, puller) == (2, 0, 0)


def test_it_streams_unless_told_otherwise_and_passes_over_what_changes_nothing(
    client: httpx.Client, puller: str
) -> None:
    for body in ({"model": NEW}, {"name": NEW, "insecure": True, "username": "x", "password": "y"}):
        answer = client.post("/api/pull", json=body, headers=bearer(puller))
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines[-1] == {"status": "success"}
    answer = client.post("/api/pull", json={"model": NEW, "stream": False}, headers=bearer(puller))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": "success"}


def test_both_routes_join_one_pull(
    upstream: FakeUpstream, client: httpx.Client, puller: str
) -> None:
    gate = upstream.gate()
    upstream.pull = pull_slowly(gate.passed)
    with pulling(client, puller) as own:
        own.until(completed=400)
        with client.stream(
            "POST", "/api/pull", json={"model": NEW}, headers=bearer(puller)
        ) as answer:
            lines = answer.iter_lines()
            assert json.loads(next(lines)) == layer(400)
            gate.open()
            assert json.loads(list(lines)[-1]) == {"status": "success"}
    assert len(upstream.pulls) == 1


def test_a_pull_that_fails_is_an_error_in_ollama_s_form(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, puller: str
) -> None:
    upstream.pull = pull_fails("pull model manifest: file does not exist")
    for stream in (True, False):
        with calling(gateway, puller) as package, pytest.raises(ollama.ResponseError) as caught:
            list(package.pull(NEW, stream=stream))
        assert f"model '{NEW}' not found" in caught.value.error
    gate = upstream.gate()
    upstream.pull = pull_slowly(gate.passed, {"error": "no space left"})
    body, headers = {"model": NEW}, bearer(puller)
    with client.stream("POST", "/api/pull", json=body, headers=headers) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines)) in (MANIFEST, layer(0), layer(400))
        gate.open()
        assert json.loads(list(lines)[-1]) == {"error": "no space left"}


def test_a_key_without_the_scope_is_told_which_one_and_for_what(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    with calling(gateway, key) as client, pytest.raises(ollama.ResponseError) as caught:
        client.pull(NEW)
    assert caught.value.status_code == 403
    for words in ("the scope models:pull", f"installing '{NEW}'", "Ask the owner"):
        assert words in caught.value.error
    assert upstream.pulls == []


@pytest.mark.parametrize("model", ["evil.example/a/b", "http://evil.example/a/b", "", "x:cloud"])
def test_a_name_that_is_not_in_ollama_s_registry_is_refused(
    upstream: FakeUpstream, client: httpx.Client, puller: str, model: str
) -> None:
    answer = client.post("/api/pull", json={"model": model}, headers=bearer(puller))
    assert answer.status_code in {400, 403}
    assert isinstance(answer.json()["error"], str)
    assert upstream.pulls == []
