"""Visitors of websites: keys that have them, tokens for them, and the routes that they call."""

from typing import Any, NamedTuple

import httpx

from tests.support.callers import bearer, connect, make_key
from tests.support.fake_upstream import MODEL
from tests.support.jwt_issuer import AUDIENCE

PAGE = "https://shop.example"
ANOTHER_PAGE = "https://thief.example"
_USER = [{"role": "user", "content": "Say hello."}]


class Way(NamedTuple):
    """A route that reaches the model, and a request to it."""

    path: str
    body: dict[str, Any]


WAYS = [
    Way("/v1/chat/completions", {"messages": _USER, "max_tokens": 50}),
    Way("/v1/messages", {"messages": _USER, "max_tokens": 50}),
    Way("/api/chat", {"messages": _USER, "options": {"num_predict": 50}}),
    Way("/v1/generate", {"prompt": "Say hello.", "max_tokens": 50}),
]
CHAT = WAYS[0]


def key_with(url: str, *by: str, **visitors: Any) -> str:
    """A key whose visitors are told apart in these ways; `fields`: others of the key."""
    fields = visitors.pop("fields", {})
    return make_key(url, visitors={"by": list(by), **visitors}, **fields)


def of_issuer(issuer: str, **limits: Any) -> dict[str, Any]:
    """What a key says of its visitors that log in there."""
    return {"issuer": issuer, "audience": AUDIENCE, **limits}


def mint(url: str, key: str, visitor: str, **wishes: Any) -> str:
    """A token, as the site's own server gets it."""
    with connect(url) as client:
        body = {"visitor": visitor, **wishes}
        made = client.post("/v1/visitor-tokens", json=body, headers=bearer(key))
    assert made.status_code == 201, made.text
    return made.json()["token"]


def ask(
    client: httpx.Client,
    headers: dict[str, str],
    way: Way = CHAT,
    *,
    stream: bool = False,
    model: str = MODEL,
) -> httpx.Response:
    body = {"model": model, **way.body, "stream": stream}
    return client.post(way.path, json=body, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer; the code is empty where the dialect has none."""
    if answer.is_success:
        return answer.status_code, ""
    error = answer.json()["error"]
    return answer.status_code, error.get("code") or "" if isinstance(error, dict) else ""


def words(answer: httpx.Response) -> str:
    """What a refusal says, whatever the dialect."""
    error = answer.json()["error"]
    return error if isinstance(error, str) else error["message"]


def used(client: httpx.Client, headers: dict[str, str]) -> tuple[int, int]:
    """Requests and tokens of the visitor's day, as `GET /v1/usage` tells them."""
    report = client.get("/v1/usage", headers=headers)
    assert report.status_code == 200, report.text
    day = report.json()["day"]
    return day["requests"], day["tokens_used"]
