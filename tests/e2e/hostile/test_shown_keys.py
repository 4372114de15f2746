"""Keys as clients send them, on every route with a key; and what those without one are told."""

from base64 import b64encode

import httpx
import pytest

from gateway.core import keys
from tests.support.callers import ADMIN_SECRET
from tests.support.fake_upstream import MODEL

HELLO = [{"role": "user", "content": "hi"}]
CHAT = {"model": MODEL, "messages": HELLO}
PULLS = ("/v1/models/pull", "/api/pull")  # they need a scope of their own
POSTED = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": {"model": MODEL, "input": "hi"},
    "/v1/completions": {"model": MODEL, "prompt": "hi"},
    "/v1/embeddings": {"model": MODEL, "input": "hi"},
    "/v1/messages": {**CHAT, "max_tokens": 5},
    "/api/chat": CHAT,
    "/api/generate": {"model": MODEL, "prompt": "hi"},
    "/api/embed": {"model": MODEL, "input": "hi"},
    "/v1/generate": {"prompt": "hi", "model": MODEL},
    "/api/show": {"model": MODEL},
    **{path: {"model": MODEL} for path in PULLS},
}
READ = ("/v1/models", f"/v1/models/{MODEL}", "/v1/usage", "/api/tags", "/api/ps", "/api/version")
CALLS = [*(("POST", path) for path in POSTED), *(("GET", path) for path in READ)]
STALE = keys.make_key("llm")  # well-formed, of another server


def call(
    client: httpx.Client, method: str, path: str, headers: dict[str, str], **more: object
) -> httpx.Response:
    body = {**POSTED[path], **more} if path in POSTED else None
    return client.request(method, path, json=body, headers=headers)


def basic(key: str) -> str:
    return "Basic " + b64encode(f"x:{key}".encode()).decode()


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_key_is_taken_in_every_form_on_every_route(
    client: httpx.Client, key: str, method: str, path: str
) -> None:
    allowed = {403} if path in PULLS else {200}
    for headers in (
        {"authorization": key},
        {"authorization": basic(key)},
        {"api-key": key},
        {"x-api-key": key},
        {"x-api-key": "", "authorization": f"Bearer {key}"},
        {"x-api-key": "sk-ant-stale", "authorization": f"Bearer {key}"},
        {"x-api-key": STALE, "authorization": f"Bearer {key}"},
        {"x-api-key": key, "api-key": STALE, "authorization": f"Bearer {STALE}"},
    ):
        answer = call(client, method, path, headers)
        assert answer.status_code in allowed, (headers, answer.text)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_a_stream_is_served_to_a_key_beside_a_stale_one(
    client: httpx.Client, key: str, path: str
) -> None:
    headers = {"x-api-key": STALE, "authorization": basic(key)}
    answer = call(client, "POST", path, headers, stream=True)
    assert answer.status_code == 200
    assert "Hello" in answer.text


def test_a_url_with_a_key_in_it_is_all_that_a_program_needs(client: httpx.Client, key: str) -> None:
    url = str(client.base_url).replace("://", f"://x:{key}@")
    with httpx.Client(base_url=url, trust_env=False, verify=False) as plain:
        assert plain.get("/v1/models").status_code == 200


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_401_and_a_403_say_that_no_retry_helps_and_what_does(
    client: httpx.Client, key: str, method: str, path: str
) -> None:
    for headers in (
        {},
        {"authorization": f"Bearer {STALE}"},
        {"x-api-key": "sk-nonsense"},
        {"x-api-key": STALE, "authorization": f"Bearer {keys.make_key('llm')}"},
    ):
        for stream in ({}, {"stream": True}):
            answer = call(client, method, path, headers, **stream)
            assert answer.status_code == 401
            assert answer.headers["x-should-retry"] == "false"
            assert answer.headers["www-authenticate"] == "Bearer"
            for words in ("Incorrect API key provided", "Authorization: Bearer KEY", "its owner"):
                assert words in answer.text
    foreign = {"authorization": f"Bearer {key}", "x-api-key": STALE}
    if path in PULLS:
        answer = call(client, method, path, foreign)
        assert answer.status_code == 403
        assert answer.headers["x-should-retry"] == "false"


def test_the_owner_s_routes_say_so_too(client: httpx.Client) -> None:
    for headers in ({}, {"x-admin-secret": "wrong"}, {"x-admin-secret": ADMIN_SECRET + "x"}):
        answer = client.get("/admin/api-keys", headers=headers)
        assert (answer.status_code, answer.headers["x-should-retry"]) == (401, "false")
    with_ray = {"x-admin-secret": ADMIN_SECRET, "cf-ray": "8c1f-FRA", "cf-connecting-ip": "1.1.1.1"}
    answer = client.get("/admin/api-keys", headers=with_ray)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (403, "false")
