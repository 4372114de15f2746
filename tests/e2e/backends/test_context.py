"""A prompt is never cut silently: what surely does not fit is refused, the rest is told."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.support.callers import bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_exchange import Exchange
from tests.support.fake_upstream import MODEL, FakeUpstream, fake_upstream

LONG = "The quick brown fox jumps over the lazy dog. " * 2000  # 18,000 words
LEARNED = "learned:latest"
UNKNOWN = "lately-pulled:latest"  # nobody says how long its context is
OVERFLOW = {
    "error": json.dumps(
        {
            "error": {
                "code": 400,
                "message": "request (20010 tokens) exceeds the available context size"
                " (2048 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 20010,
                "n_ctx": 2048,
            }
        }
    )
}


def chat(model: str = MODEL, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": LONG}], **more}


REFUSED = {
    "/v1/chat/completions": chat(),
    "/v1/completions": {"model": MODEL, "prompt": LONG},
    "/v1/responses": {"model": MODEL, "input": LONG},
    "/v1/embeddings": {"model": MODEL, "input": ["short", LONG]},
    "/v1/messages": chat(max_tokens=5),
    "/api/chat": chat(),
    "/api/generate": {"model": MODEL, "prompt": LONG},
    "/api/embed": {"model": MODEL, "input": LONG},
    "/v1/generate": {"model": MODEL, "prompt": LONG},
}


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        running.models += [{"name": UNKNOWN}, {"name": LEARNED}]
        running.loaded = []
        yield running


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, shared_dsn) as running:
        yield running


@pytest.mark.parametrize("path", sorted(REFUSED))
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_longer_than_the_model_can_read_is_refused_before_it_runs(
    shared_upstream: FakeUpstream, client: httpx.Client, key: str, path: str, stream: bool
) -> None:
    answer = client.post(path, json={**REFUSED[path], "stream": stream}, headers=bearer(key))
    assert answer.status_code == 400, answer.text
    assert "4096" in answer.text
    assert "OLLAMA_CONTEXT_LENGTH" in answer.text
    assert shared_upstream.chats == []
    used = client.get("/v1/usage", headers=bearer(key)).json()
    assert used["month"]["tokens_used"] == 0


def test_each_api_says_it_as_its_clients_know_it(gateway: GatewayProcess, key: str) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(**chat())
        assert refused.value.code == "context_length_exceeded"
        assert "maximum context length is 4096 tokens" in str(refused.value)
    with anthropic.Anthropic(base_url=gateway.url, api_key=key) as claude:
        with pytest.raises(anthropic.BadRequestError) as told:
            claude.messages.create(**chat(max_tokens=5))
        assert "prompt is too long: at least" in str(told.value)
        assert "> 4096 maximum" in str(told.value)


def test_the_context_is_learned_from_what_ollama_has_loaded(
    shared_upstream: FakeUpstream, client: httpx.Client, key: str
) -> None:
    def status() -> int:
        body = chat(LEARNED)
        return client.post("/v1/chat/completions", json=body, headers=bearer(key)).status_code

    shared_upstream.loaded = [{"name": LEARNED, "context_length": 2048}]
    assert status() == 200  # nobody knows its context yet; it is learned while it answers

    async def refused() -> bool:
        return await asyncio.to_thread(status) == 400

    asyncio.run(eventually(refused))
    # Loaded anew with more, or not loaded: what was learned does not refuse it.
    shared_upstream.loaded = [{"name": LEARNED, "context_length": 65536}]
    assert status() == 200
    shared_upstream.loaded = []
    assert status() == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", chat(UNKNOWN)),
        ("/api/chat", chat(UNKNOWN, stream=False)),
        ("/v1/messages", chat(UNKNOWN, max_tokens=5)),
    ],
)
def test_an_answer_to_a_cut_prompt_says_so(
    client: httpx.Client, key: str, path: str, body: dict[str, Any]
) -> None:
    answer = client.post(path, json=body, headers=bearer(key))
    assert answer.status_code == 200
    assert answer.headers["x-localllm-prompt-cut"] == "prompt_tokens=11"  # the context is not known
    short = {**body, "messages": [{"role": "user", "content": "Hi"}]}
    assert "x-localllm-prompt-cut" not in client.post(path, json=short, headers=bearer(key)).headers


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/messages"])
def test_a_stream_to_a_cut_prompt_says_so_at_its_end(
    client: httpx.Client, key: str, path: str
) -> None:
    body = chat(UNKNOWN, stream=True, max_tokens=5, stream_options={"include_usage": True})
    body = body if path == "/v1/chat/completions" else chat(UNKNOWN, stream=True, max_tokens=5)
    text = client.post(path, json=body, headers=bearer(key)).text
    assert text.count('"localllm":{"prompt_cut":{"prompt_tokens":11}}') == 1


def test_on_its_own_routes_ollama_is_asked_to_refuse_instead_of_cutting(
    shared_upstream: FakeUpstream, client: httpx.Client, key: str
) -> None:
    async def refuse(exchange: Exchange) -> None:
        assert exchange.json["truncate"] is False
        await exchange.whole(OVERFLOW, 400)

    shared_upstream.behave = refuse
    answer = client.post("/api/chat", json=chat(UNKNOWN), headers=bearer(key))
    assert answer.status_code == 400
    assert "20010 tokens, and 2048 fit" in answer.json()["error"]
    shared_upstream.reset()
    client.post("/api/chat", json=chat(UNKNOWN, truncate=True), headers=bearer(key))
    assert shared_upstream.chats[0].json["truncate"] is True
    short = {"model": UNKNOWN, "messages": [{"role": "user", "content": "Hi"}]}
    client.post("/api/chat", json=short, headers=bearer(key))
    assert "truncate" not in shared_upstream.chats[1].json


def test_who_asks_for_the_cut_gets_it(
    shared_upstream: FakeUpstream, client: httpx.Client, key: str
) -> None:
    body = {"model": MODEL, "input": LONG, "truncate": True}
    assert client.post("/api/embed", json=body, headers=bearer(key)).status_code == 200
    assert shared_upstream.chats[0].json["truncate"] is True


@pytest.mark.parametrize(
    "words",
    [
        OVERFLOW["error"],
        "This model's maximum context length is 2048 tokens. However, your messages resulted in"
        " 20010 tokens. Please reduce the length of the messages.",
        "This model's maximum context length is 2048 tokens. However, you requested 20010 tokens"
        " (20000 in the messages, 10 in the completion).",
    ],
)
def test_what_a_model_server_says_of_the_context_is_translated(
    shared_upstream: FakeUpstream, client: httpx.Client, key: str, words: str
) -> None:
    shared_upstream.behave = lambda exchange: exchange.whole({"error": {"message": words}}, 400)
    answer = client.post("/v1/messages", json=chat(UNKNOWN, max_tokens=5), headers=bearer(key))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(
        "prompt is too long: 20010 tokens > 2048 maximum."
    )


@pytest.mark.parametrize(("check", "told"), [("warn", True), ("off", False)])
def test_the_owner_may_have_it_only_told_or_leave_it_to_ollama(
    shared_upstream: FakeUpstream, shared_dsn: str, check: str, told: bool
) -> None:
    with (
        served(shared_upstream.url, shared_dsn, CONTEXT_CHECK=check) as gateway,
        connect(gateway.url) as client,
    ):
        key = make_key(gateway.url)
        answer = client.post("/v1/chat/completions", json=chat(), headers=bearer(key))
    assert answer.status_code == 200
    assert ("x-localllm-prompt-cut" in answer.headers) is told
