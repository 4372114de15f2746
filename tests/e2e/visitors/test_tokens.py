"""The token of a visitor: any client takes it for a key, and a stolen one is worth nothing."""

import time

import httpx
import pytest
from anthropic import Anthropic
from ollama import Client as Ollama
from openai import OpenAI, PermissionDeniedError

from gateway.core import keys
from tests.support.callers import admin, bearer, make_key, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.presets import make_preset
from tests.support.visitors import (
    ANOTHER_PAGE,
    CHAT,
    PAGE,
    WAYS,
    Way,
    ask,
    key_with,
    mint,
    told,
    used,
)


@pytest.fixture
def site(gateway: GatewayProcess) -> str:
    """The key of a website's server."""
    return key_with(gateway.url, "token", tokens_per_day=10_000)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.path)
def test_a_token_is_shown_like_a_key_on_routes_of_every_family(
    gateway: GatewayProcess, client: httpx.Client, site: str, way: Way, stream: bool
) -> None:
    token = mint(gateway.url, site, "alice")
    for number, headers in enumerate((bearer(token), {"X-API-Key": token}), 1):
        answer = ask(client, headers, way, stream=stream)
        assert answer.status_code == 200, answer.text
        assert used(client, headers)[0] == number


def test_the_packages_of_openai_anthropic_and_ollama_take_a_token_for_their_key(
    gateway: GatewayProcess, site: str
) -> None:
    token = mint(gateway.url, site, "alice", origin=None)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token, max_retries=0) as openai:
        chunks = openai.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}], stream=True
        )
        said = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
        assert said == "Hello there, friend."
        assert MODEL in [one.id for one in openai.models.list()]
    with Anthropic(base_url=gateway.url, api_key=token, max_retries=0) as anthropic:
        answer = anthropic.messages.create(
            model=MODEL, max_tokens=50, messages=[{"role": "user", "content": "x"}]
        )
        assert answer.stop_reason == "end_turn"
    with Ollama(host=gateway.url, headers=bearer(token)) as ollama:
        assert ollama.chat(MODEL, [{"role": "user", "content": "x"}]).message.content
        assert ollama.list().models


def test_a_stolen_token_is_good_for_nothing_but_what_it_was_made_for(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client
) -> None:
    url = gateway.url
    make_preset(url, "of-another-page")
    fields = {"allowed_origins": [PAGE, ANOTHER_PAGE], "scopes": ["chat", "models:read"]}
    site = key_with(url, "token", fields=fields)
    token = bearer(mint(url, site, "alice", origin=PAGE, models=[MODEL]))
    here = {**token, "Origin": PAGE}

    for wrong in (token, {**token, "Origin": ANOTHER_PAGE}, {**token, "Origin": "null"}):
        assert told(ask(client, wrong)) == (403, "permission_denied")
        assert client.get("/v1/models", headers=wrong).status_code == 403
        assert client.get("/v1/usage", headers=wrong).status_code == 403
    for model in ("another:latest", "@preset/of-another-page"):
        assert told(ask(client, here, model=model)) == (403, "model_not_found")
    for path, body in (
        ("/v1/embeddings", {"model": MODEL, "input": "x"}),
        ("/v1/models/pull", {"model": MODEL}),
    ):
        assert client.post(path, json=body, headers=here).status_code == 403
    assert client.get("/admin/api-keys", headers=here).status_code == 403
    assert upstream.chats == []
    assert told(ask(client, here)) == (200, "")


def test_a_token_ends_with_its_time_its_uses_and_its_key(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client
) -> None:
    url = gateway.url
    made = make_keys(url, visitors={"by": ["token"]})
    site = made["key"]
    brief = bearer(mint(url, site, "alice", expires_in=10))
    once = bearer(mint(url, site, "bob", uses=1))
    long = bearer(mint(url, site, "carol"))
    ends = time.time() + 10.5
    assert told(ask(client, once)) == (200, "")
    assert told(ask(client, once)) == (401, "visitor_token_used_up")
    assert told(ask(client, long)) == (200, "")
    time.sleep(max(0.0, ends - time.time()))  # no clock of a gateway's can be moved from here
    assert told(ask(client, brief)) == (401, "visitor_token_expired")
    assert client.get("/v1/models", headers=brief).status_code == 401
    admin(url, "DELETE", f"/api-keys/{made['id']}")
    assert told(ask(client, long)) == (401, "invalid_api_key")
    assert len(upstream.chats) == 2


def test_a_token_is_over_when_its_key_has_no_such_visitors_any_more(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client
) -> None:
    made = make_keys(gateway.url, visitors={"by": ["token"]})
    token = bearer(mint(gateway.url, made["key"], "alice"))
    admin(gateway.url, "PATCH", f"/api-keys/{made['id']}", {"visitors": {"by": ["address"]}})
    assert told(ask(client, token)) == (401, "visitor_token_expired")
    admin(gateway.url, "PATCH", f"/api-keys/{made['id']}", {"visitors": None})
    assert told(ask(client, token)) == (401, "visitor_token_expired")
    assert upstream.chats == []


def test_nobody_makes_tokens_but_the_site_s_own_server(
    gateway: GatewayProcess, client: httpx.Client, site: str
) -> None:
    token = mint(gateway.url, site, "alice")
    in_pages = key_with(gateway.url, "token", "address")
    for headers, status in (
        (bearer(token), 401),  # a visitor's token
        ({**bearer(site), "Origin": PAGE}, 403),  # the key in a page
        (bearer(in_pages), 403),  # a key that pages have
        (bearer(make_key(gateway.url)), 403),  # a key without visitors
        (bearer(keys.make_key("llm-visitor")), 401),  # a guess
        ({}, 401),
    ):
        body = {"visitor": "mallory"}
        answer = client.post("/v1/visitor-tokens", json=body, headers=headers)
        assert answer.status_code == status, (headers, answer.text)


def test_the_key_of_a_site_is_refused_in_a_page_and_told_what_to_do(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client, site: str
) -> None:
    for way in WAYS:
        answer = ask(client, {**bearer(site), "Origin": PAGE}, way)
        assert answer.status_code == 403
        assert "/v1/visitor-tokens" in answer.text
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=site, max_retries=0) as openai,
        pytest.raises(PermissionDeniedError) as refused,
    ):
        openai.models.list(extra_headers={"Origin": PAGE})
    assert refused.value.code == "visitor_token_required"
    assert upstream.chats == []
    assert told(ask(client, bearer(site))) == (200, "")


def test_two_tokens_of_a_visitor_share_one_day_and_see_no_others(
    gateway: GatewayProcess, client: httpx.Client
) -> None:
    site = key_with(gateway.url, "token", tokens_per_day=110)
    first, second = (bearer(mint(gateway.url, site, "alice")) for _ in range(2))
    other = bearer(mint(gateway.url, site, "bob"))
    assert told(ask(client, first)) == (200, "")
    assert used(client, first) == used(client, second) == (1, 16)
    assert used(client, other) == (0, 0)
    assert told(ask(client, second)) == (200, "")
    assert told(ask(client, first)) == (200, "")
    assert used(client, second) == (3, 48)
    assert told(ask(client, first, CHAT)) == (429, "visitor_quota") or used(client, first)[1] <= 110
    report = client.get("/v1/usage", headers=first).json()
    assert set(report) == {"limits", "day", "by_day"}
    assert report["day"]["tokens_held"] == 0
