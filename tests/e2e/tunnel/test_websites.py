"""A page in a browser calls through the tunnel: preflight, answers; its own website alone."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.behind_a_tunnel import behind
from tests.support.callers import QUESTION, bearer, connect, make_key
from tests.support.fake_upstream import WORDS, FakeUpstream
from tests.support.tunnel.up import Up

CHAT = "/v1/chat/completions"
PAGE, OTHER = "https://my.page.example", "https://evil.example"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "cross-site",
}


@pytest.fixture(scope="module")
def it(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[Up]:
    with behind(shared_upstream, shared_dsn) as running:
        yield running


@pytest.fixture(scope="module")
def key(it: Up) -> str:
    return make_key(it.gateway.url, allowed_origins=[PAGE])


@pytest.fixture
def browser(it: Up) -> Iterator[httpx.Client]:
    with connect(it.edge) as client:
        client.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
        yield client


def test_a_preflight_is_answered_without_a_key_and_before_any_model(
    browser: httpx.Client, shared_upstream: FakeUpstream
):
    answer = browser.options(CHAT, headers=PREFLIGHT)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] in {"*", PAGE}
    assert "POST" in answer.headers["access-control-allow-methods"]
    asked = PREFLIGHT["Access-Control-Request-Headers"].split(",")
    assert set(asked) <= set(answer.headers["access-control-allow-headers"].split(","))
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers
    assert shared_upstream.chats == []


def test_its_page_reads_answer_stream_and_limits(browser: httpx.Client, key: str):
    headers = {**bearer(key), "Origin": PAGE}
    whole = browser.post(CHAT, json=QUESTION, headers=headers)
    assert whole.json()["choices"][0]["message"]["content"] == "".join(WORDS)
    with browser.stream("POST", CHAT, json={**QUESTION, "stream": True}, headers=headers) as stream:
        events = [line[6:] for line in stream.iter_lines() if line.startswith("data: ")]
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in stream.headers
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    told = [c["delta"].get("content", "") for chunk in chunks for c in chunk["choices"]]
    assert "".join(told) == "".join(WORDS)
    for answer in (whole, stream):
        assert answer.headers["access-control-allow-origin"] in {"*", PAGE}
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"x-request-id", "x-ratelimit-remaining-tokens"} <= set(exposed)
        assert int(answer.headers["x-ratelimit-remaining-tokens"]) > 0


def test_a_page_elsewhere_cannot_use_the_key_nor_read_why(
    browser: httpx.Client, key: str, shared_upstream: FakeUpstream
):
    for origin in (OTHER, "null", f"{PAGE}.evil.example", PAGE.replace("https", "http")):
        headers = {**bearer(key), "Origin": origin}
        answer = browser.post(CHAT, json=QUESTION, headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert shared_upstream.chats == []


def test_a_page_reads_an_error(browser: httpx.Client):
    answer = browser.post(CHAT, json=QUESTION, headers={"Origin": PAGE})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] in {"*", PAGE}
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_no_page_is_told_that_the_owner_s_routes_may_be_called(browser: httpx.Client):
    answer = browser.options("/admin/api-keys", headers=PREFLIGHT)
    assert answer.status_code == 403
    assert "access-control-allow-methods" not in answer.headers
