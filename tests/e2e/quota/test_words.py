"""What a refusal says: the words that programs look for, and what its reader can do."""

import re
from typing import Any

import httpx
import pytest

from tests.support.callers import bearer, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream

NAME = "no-such-model:1b"
HELLO = [{"role": "user", "content": "hi"}]
ROUTES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": HELLO},
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi"},
    "/v1/embeddings": {"input": "hi"},
    "/v1/messages": {"messages": HELLO, "max_tokens": 5},
    "/v1/generate": {"prompt": "hi"},
    "/api/chat": {"messages": HELLO},
    "/api/generate": {"prompt": "hi"},
    "/api/embed": {"input": "hi"},
    "/api/embeddings": {"prompt": "hi"},
    "/api/show": {},
}


def told(answer: httpx.Response) -> str:
    """The text of an error, whatever the dialect."""
    error = answer.json()["error"]
    return error if isinstance(error, str) else error["message"]


def says(words: str) -> Any:
    async def not_found(exchange: Exchange) -> None:
        name = exchange.json["model"]
        plain = exchange.target.startswith("/api/")
        said = words.format(name)
        await exchange.whole({"error": said if plain else {"message": said}}, 404)

    return not_found


@pytest.mark.parametrize("words", ["model '{}' not found", 'model "{}" not found, try pulling it'])
@pytest.mark.parametrize("path", ROUTES)
def test_an_unknown_model_is_told_in_ollama_s_words_on_every_route(
    shared_upstream: FakeUpstream, client: httpx.Client, key: str, path: str, words: str
) -> None:
    shared_upstream.behave = says(words)
    streams = ({}, {"stream": True}) if "embed" not in path and "show" not in path else ({},)
    for name in (NAME, "No-Such-Model"):
        for more in streams:
            body = {"model": name, **ROUTES[path], **more}
            answer = client.post(path, json=body, headers=bearer(key))
            assert answer.status_code == 404
            assert told(answer) == f"model '{name}' not found"


@pytest.mark.parametrize("path", ROUTES)
def test_an_alias_in_an_error_is_the_alias(
    shared_upstream: FakeUpstream, shared_dsn: str, path: str
) -> None:
    shared_upstream.behave = says("model '{}' not found")
    with (
        served(shared_upstream.url, shared_dsn, MODEL_ALIASES=f"gpt-4o-mini={NAME}") as gateway,
        httpx.Client(base_url=gateway.url, trust_env=False, verify=False, timeout=60) as client,
    ):
        body = {"model": "GPT-4o-mini", **ROUTES[path]}
        key = make_key(gateway.url)
        answer = client.post(path, json=body, headers=bearer(key))
        assert told(answer) == "model 'GPT-4o-mini' not found"
        narrow = make_key(gateway.url, allowed_models=["another"])
        answer = client.post(path, json=body, headers=bearer(narrow))
        assert answer.status_code == 403
        assert told(answer) == "This API key may not use the model 'GPT-4o-mini'."


@pytest.mark.parametrize("path", [path for path in ROUTES if path != "/api/show"])
def test_a_quota_refusal_says_what_may_be_needed_what_is_left_and_until_when(
    client: httpx.Client, gateway: GatewayProcess, path: str
) -> None:
    key = make_key(gateway.url, monthly_token_limit=1)
    answer = client.post(path, json={"model": "fake", **ROUTES[path]}, headers=bearer(key))
    assert answer.status_code == 429
    found = re.search(
        r"up to (\d+) tokens.* 1 of 1 are left until (\d{4}-\d\d-01 00:00 UTC)", told(answer)
    )
    assert found, told(answer)
    assert int(found[1]) > 1
    assert "ask the owner" in told(answer)


@pytest.mark.parametrize("path", ROUTES)
def test_a_key_without_the_scope_is_told_which_it_lacks(
    client: httpx.Client, gateway: GatewayProcess, path: str
) -> None:
    key = make_key(gateway.url, scopes=["models:pull"])
    answer = client.post(path, json={"model": "fake", **ROUTES[path]}, headers=bearer(key))
    assert answer.status_code == 403
    wanted = "embeddings" if "embed" in path else "models:read" if "show" in path else "chat"
    assert f"it lacks the scope {wanted}." in told(answer)
