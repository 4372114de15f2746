"""What a web page can read of an answer, and the id that each answer carries."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.callers import QUESTION, bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.raw_client import ask

__all__ = ["upstream_of_all"]
CHAT = "/v1/chat/completions"
PAGE = "https://my.page.example"
STREAM = {**QUESTION, "stream": True}
LIMITS = (f"x-ratelimit-{what}" for what in ("limit", "remaining", "reset"))
EXPOSED = {"x-request-id", "retry-after", "x-should-retry"} | {
    f"{limit}-{unit}" for limit in LIMITS for unit in ("requests", "tokens")
}


def answers(client: httpx.Client, key: str, spent: str) -> dict[str, httpx.Response]:
    """One answer of every kind."""
    good = bearer(key)
    large = {**good, "X-Large": "x" * 40_000}
    coded = {**good, "Content-Encoding": "gzip"}
    return {
        "whole": client.post(CHAT, json=QUESTION, headers=good),
        "stream": client.post(CHAT, json=STREAM, headers=good),
        "models": client.get("/v1/models", headers=good),
        "usage": client.get("/v1/usage", headers=good),
        "health": client.get("/health"),
        "start": client.get("/"),
        "docs": client.get("/docs", headers={"Accept": "text/html"}),
        "document": client.get("/openapi.json"),
        "400": client.post(CHAT, content=b"{", headers=good),
        "401": client.post(CHAT, json=QUESTION),
        "401 usage": client.get("/v1/usage"),
        "403": client.post(CHAT, json={**QUESTION, "model": "x:cloud"}, headers=good),
        "404": client.get("/nothing"),
        "404 dots": client.get("/v1/%2e%2e/x"),
        "405": client.put(CHAT, headers=good),
        "405 usage": client.put("/v1/usage", headers=good),
        "413": client.post(CHAT, content=b" " * (21 * 1024**2), headers=good),
        "415": client.post(CHAT, content=b"x", headers=coded),
        "429": client.post(CHAT, json=QUESTION, headers=bearer(spent)),
        "431": client.get("/v1/usage", headers=large),
        "broken whole": client.post(CHAT, json={**QUESTION, "seed": 1}, headers=good),
        "broken stream": client.post(CHAT, json={**STREAM, "seed": 1}, headers=good),
        "preflight": client.options(CHAT, headers={"Access-Control-Request-Method": "POST"}),
    }


async def break_on_seed_1(exchange: Exchange) -> None:
    if exchange.json.get("seed") == 1:
        if exchange.json.get("stream"):
            await exchange.head()
            await exchange.words()
        exchange.cut()
    elif exchange.json.get("stream"):
        await exchange.head()
        await exchange.words()
        await exchange.usage()
    else:
        await exchange.whole(exchange.completion())


def kinds(gateway: GatewayProcess, key: str, origin: str | None) -> dict[str, httpx.Response]:
    spent = make_key(gateway.url, monthly_token_limit=1)
    with connect(gateway.url) as client:
        if origin:
            client.headers["Origin"] = origin
        return answers(client, key, spent)


def test_each_answer_can_be_read_by_a_page_with_its_headers(
    gateway: GatewayProcess, key: str, upstream: FakeUpstream
) -> None:
    upstream.behave = break_on_seed_1
    for name, answer in kinds(gateway, key, PAGE).items():
        if name[0].isdigit():
            assert answer.status_code == int(name[:3]), name
        headers = answer.headers
        assert headers["access-control-allow-origin"] == "*", name
        assert "Origin" in headers["vary"], name
        exposed = {word.strip() for word in headers["access-control-expose-headers"].split(",")}
        assert exposed >= EXPOSED, name
        assert "access-control-allow-credentials" not in headers, name


def test_each_answer_has_an_id_of_its_own(
    gateway: GatewayProcess, key: str, upstream: FakeUpstream
) -> None:
    upstream.behave = break_on_seed_1
    found = kinds(gateway, key, None)
    ids = [answer.headers.get_list("x-request-id") for answer in found.values()]
    assert all(len(one) == 1 for one in ids)
    assert len({UUID(one[0]) for one in ids}) == len(found)
    for answer in found.values():
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", [CHAT, "/v1/usage", "/v1/models"])
def test_a_preflight_is_granted_whatever_headers_the_client_s_package_asks_for(
    gateway: GatewayProcess, path: str
) -> None:
    asked = "authorization,content-type,x-stainless-lang,x-stainless-retry-count,x-api-key"
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
    }
    with connect(gateway.url) as client:
        answer = client.options(path, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == asked
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert int(answer.headers["access-control-max-age"]) > 0


def test_only_the_named_websites_may_call_and_each_is_named_in_its_answer(
    shared_upstream: FakeUpstream, dsn: str
) -> None:
    with (
        served(shared_upstream.url, dsn, CORS_ORIGINS=f"{PAGE},https://b.example") as gateway,
        connect(gateway.url) as client,
    ):
        good = bearer(make_key(gateway.url))

        def call(origin: str | None, body: Any = QUESTION) -> httpx.Response:
            headers = {**good, **({"Origin": origin} if origin else {})}
            return client.post(CHAT, json=body, headers=headers)

        for origin in (PAGE, "https://b.example"):
            for body in (QUESTION, STREAM, {}):
                answer = call(origin, body)
                assert answer.headers["access-control-allow-origin"] == origin
                assert answer.headers["vary"] == "Origin"
        assert call(None).status_code == 200  # no page: a program
        assert call(gateway.url).status_code == 200  # our own page
        reached = len(shared_upstream.chats)
        for origin in ("https://evil.example", "null", f"{PAGE}.evil.example", "https://my.page"):
            answer = call(origin)
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "permission_denied"
            assert "access-control-allow-origin" not in answer.headers
            preflight = client.options(CHAT, headers={"Origin": origin})
            assert "access-control-allow-origin" not in preflight.headers
        assert len(shared_upstream.chats) == reached


def test_what_is_no_http_gets_an_id_too(gateway: GatewayProcess) -> None:
    answer = ask(gateway.port, b"nonsense\r\n\r\n")
    assert UUID(answer.headers["x-request-id"])
    assert json.loads(answer.body)["error"]["code"] == "invalid_request"
