"""GET /admin/refusals: why a caller was refused, without prompts and keys, whoever else guesses."""

import json
from typing import Any

import httpx

from gateway.core.keys import display_prefix, make_key
from gateway.overview.refusals import MOST_STRANGERS
from tests.support.callers import admin, bearer, connect, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream

PROMPT = "the-words-of-a-prompt " * 5
HOSTILE = '<img src=x onerror="alert(1)">'


def chat(client: httpx.Client, key: str, **fields: Any) -> httpx.Response:
    body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], **fields}
    return client.post("/v1/chat/completions", json=body, headers=bearer(key))


def newest(gateway: GatewayProcess, count: int) -> list[Any]:
    told = admin(gateway.url, "GET", "/refusals")
    assert (told["object"], told["next_cursor"]) == ("list", None)
    assert PROMPT.split()[0] not in str(told)
    return told["data"][:count]


def told_of(gateway: GatewayProcess, answer: httpx.Response) -> Any:
    """What is told of this refusal: of another test's client one may have come in since."""
    asked = answer.headers["x-request-id"]
    [row] = [one for one in newest(gateway, 1000) if one["request_id"] == asked]
    return row


def test_each_says_who_was_refused_what_and_what_they_can_do(gateway: GatewayProcess) -> None:
    key = make_keys(gateway.url, HOSTILE, allowed_models=["other", HOSTILE.replace(" ", "")][:1])
    with connect(gateway.url) as client:
        answer = chat(client, key["key"], model="fake")
    row = told_of(gateway, answer)
    assert row.pop("time").endswith("Z")
    assert row == {
        "request_id": answer.headers["x-request-id"],
        "route": "/v1/chat/completions",
        "status": 403,
        "code": "model_not_found",
        "message": answer.json()["error"]["message"],
        "hint": "Use one that GET /v1/models lists.",
        "key": {"id": key["id"], "name": HOSTILE},
        "prefix": key["prefix"],
        "visitor": None,
        "model": "fake",
    }


def test_a_key_that_does_not_exist_shows_its_first_letters_only(gateway: GatewayProcess) -> None:
    wrong = make_key("llm")
    with connect(gateway.url) as client:
        answer = chat(client, wrong)
        client.get(f"/v1/models/{wrong}")
    assert wrong not in str(newest(gateway, 1000))
    row = told_of(gateway, answer)
    assert (row["key"], row["prefix"], row["status"]) == (None, display_prefix(wrong), 401)


def test_what_a_model_server_says_is_not_kept_since_it_may_quote_the_prompt(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    async def quote(exchange: Exchange) -> None:
        await exchange.whole({"error": f"invalid: {exchange.text}"}, status=400)

    upstream.behave = quote
    key = make_keys(gateway.url)["key"]
    with connect(gateway.url) as client:
        answer = chat(client, key)
        assert answer.status_code == 400 and PROMPT.split()[0] in answer.text
        assert told_of(gateway, answer)
        twice = json.dumps({PROMPT: 1})[:-1] + f',"{PROMPT}":1}}'  # where a name should stand
        answer = client.post("/v1/chat/completions", content=twice, headers=bearer(key))
        assert answer.status_code == 400 and PROMPT.split()[0] in answer.text
    newest(gateway, 9)


def test_strangers_do_not_drive_out_who_has_a_key(gateway: GatewayProcess) -> None:
    key = make_keys(gateway.url, allowed_models=["other"])["key"]
    with connect(gateway.url) as client:
        mine = chat(client, key).headers["x-request-id"]
        for _ in range(MOST_STRANGERS + 20):
            client.get("/v1/models")
    rows = newest(gateway, 1000)
    assert mine in {row["request_id"] for row in rows}
    assert sum(row["prefix"] is None for row in rows) == MOST_STRANGERS


def test_a_website_that_may_not_call_is_told_of_too(gateway: GatewayProcess) -> None:
    key = make_keys(gateway.url, allowed_origins=["https://mine.example"])
    headers = {"Origin": "https://other.example", **bearer(key["key"])}
    with connect(gateway.url) as client:
        answer = client.get("/v1/models", headers=headers)
    row = told_of(gateway, answer)
    assert row["status"] == 403
    assert "website" in row["message"]
    assert row["key"]["id"] == key["id"]


def test_the_owners_own_errors_are_not_among_them(gateway: GatewayProcess) -> None:
    with connect(gateway.url) as client:
        answer = client.get("/admin/usage", headers={"X-Admin-Secret": "wrong"})
    assert answer.headers["x-request-id"] not in {row["request_id"] for row in newest(gateway, 99)}
