"""/admin/models: what all machines have, pulled, loaded and let go by the owner."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.callers import admin, connect, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import CLOUD_MODEL, MODEL, Exchange, FakeUpstream, fake_upstream
from tests.support.watching_owner import SECRET

HOSTILE = '<script>alert("x")</script>'
DETAILS = {"family": HOSTILE, "parameter_size": "7B", "quantization_level": "Q4_K_M"}
IN_MEMORY = {"size": 9, "size_vram": 7, "context_length": 4096, "expires_at": "2030-01-01T00:00Z"}


@pytest.fixture
def other() -> Iterator[FakeUpstream]:
    """A second machine."""
    with fake_upstream() as running:
        yield running


def send(gateway: GatewayProcess, path: str, body: Any) -> httpx.Response:
    with connect(gateway.url) as client:
        return client.post(f"/admin/models{path}", json=body, headers=SECRET)


def test_a_model_is_listed_once_with_the_machines_that_have_it(
    upstream: FakeUpstream, other: FakeUpstream, dsn: str
) -> None:
    entry = {"name": MODEL, "size": 12, "modified_at": "2026-11-01", "details": DETAILS}
    other.models, other.loaded = [entry, {"name": "only:1b"}], [{"name": MODEL, **IN_MEMORY}]
    upstream.models, before = [entry, {"name": "x" * 300}], upstream.models
    upstream.loaded = []
    urls = f"{upstream.url},{other.url}"
    try:
        with served(urls, dsn, PRELOAD_MODELS="only:1b") as gateway:
            told = admin(gateway.url, "GET", "/models")
            names = [one["name"] for one in admin(gateway.url, "GET", "/status")["backends"]]
    finally:
        upstream.models, upstream.loaded = before, None
    assert (told["object"], told["next_cursor"]) == ("list", None)
    both, only = told["data"]
    assert both == {
        "model": MODEL,
        "size": 12,
        "family": HOSTILE,
        "parameters": "7B",
        "quantization": "Q4_K_M",
        "modified_at": "2026-11-01",
        "backends": names,
        "loaded": [
            {
                "backend": names[1],
                "size": 9,
                "size_vram": 7,
                "context": 4096,
                "expires_at": "2030-01-01T00:00Z",
            }
        ],
        "preload": False,
    }
    assert (only["model"], only["backends"], only["size"]) == ("only:1b", names[1:], None)
    assert only["preload"] is True


def test_it_is_loaded_and_let_go_without_a_prompt(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    for path, keep_alive in (("/load", None), ("/unload", 0)):
        upstream.received.clear()
        answer = send(gateway, path, {"model": "fake"})
        assert (answer.status_code, answer.json()["model"]) == (200, MODEL)
        (asked,) = upstream.chats
        assert asked.target == "/api/generate"
        assert asked.json == {"model": MODEL, "stream": False} | (
            {} if keep_alive is None else {"keep_alive": keep_alive}
        )


def test_a_model_that_makes_vectors_is_loaded_by_its_own_route(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    async def only_vectors(exchange: Exchange) -> None:
        if exchange.target == "/api/embed":
            await exchange.whole({"model": MODEL, "embeddings": []})
        else:
            await exchange.whole({"error": '"fake" does not support generate'}, status=400)

    upstream.behave = only_vectors
    assert send(gateway, "/load", {"model": MODEL}).status_code == 200
    assert [one.target for one in upstream.chats] == ["/api/generate", "/api/embed"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "missing"}, 404),
        ({"model": MODEL, "backend": "nowhere"}, 404),
        ({"model": CLOUD_MODEL}, 403),
        ({"model": ""}, 400),
        ({"model": 7}, 400),
        ({}, 400),
        ({"model": MODEL, "keep_alive": -1}, 400),
    ],
)
def test_what_cannot_be_loaded_is_refused(
    upstream: FakeUpstream, gateway: GatewayProcess, body: Any, status: int
) -> None:
    for path in ("/load", "/unload"):
        assert send(gateway, path, body).status_code == status
    assert upstream.chats == []


def test_what_the_model_server_says_against_it_is_passed_on(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    async def no_memory(exchange: Exchange) -> None:
        await exchange.whole({"error": "model requires more system memory"}, status=500)

    upstream.behave = no_memory
    answer = send(gateway, "/load", {"model": MODEL})
    assert answer.status_code == 500
    assert "more system memory" in answer.json()["error"]["message"]


def test_the_owner_pulls_without_a_key_and_sees_how_it_goes_on(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    answer = send(gateway, "/pull", {"model": "new-model"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, last = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert last == "[DONE]"
    assert json.loads(events[-1])["done"] is True
    assert [json.loads(one.body)["model"] for one in upstream.pulls] == ["new-model"]
    whole = send(gateway, "/pull", {"model": "new-model", "stream": False})
    assert whole.json()["done"] is True
    assert send(gateway, "/pull", {"model": "http://evil.example/x"}).status_code == 400
    with connect(gateway.url) as client:
        assert client.post("/admin/models/pull", json={"model": "x"}).status_code == 401
