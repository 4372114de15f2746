"""Requests as clients of the field are known to send them, and what is made of each of them."""

import base64
import json
from typing import Any

import pytest

from gateway.core import keys
from tests.support.callers import bearer, connect, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.paths import CASES

REQUESTS = [json.loads(line) for line in (CASES / "requests.jsonl").read_text("utf-8").splitlines()]
STREAMED = {"/api/chat", "/v1/chat/completions", "/v1/responses", "/v1/messages"}


def holds(sent: Any, wanted: Any) -> bool:
    """Whether all that is wanted stands in what was sent."""
    if isinstance(wanted, dict):
        return isinstance(sent, dict) and all(
            name in sent and holds(sent[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(sent) == len(wanted) and all(map(holds, sent, wanted))
    return type(sent) is type(wanted) and sent == wanted


def headers_of(case: dict[str, Any], key: str) -> dict[str, str]:
    """As the case writes them, or a Bearer."""
    shown = case.get("headers", {})
    if not any(name in shown for name in ("authorization", "api-key", "x-api-key")):
        shown = {**shown, **bearer("KEY")}
    password = base64.b64encode(f"x:{key}".encode()).decode()
    words = {"base64(x:KEY)": password, "KEY": key, "BAD": keys.make_key("llm")}
    filled: dict[str, str] = {}
    for name, value in shown.items():
        # Only the words of the case are looked for: a key may contain "BAD" by chance.
        word = next((one for one in words if one in value), "")
        filled[name] = value.replace(word, words[word]) if word else value
    return filled


@pytest.mark.parametrize("stream", [None, True, False])
@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case["id"])
def test_a_request_of_the_field_is_answered_and_sent_as_it_should_be(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, case: dict[str, Any], stream: bool
) -> None:
    shared_upstream.reset()
    method, path = case["route"].split(" ")
    body = case.get("raw") or json.dumps(case.get("body", {}))
    body = body.replace('"M"', f'"{MODEL}"')
    if stream is not None:
        if path not in STREAMED or "answer" in case:
            pytest.skip("it does not stream")
        body = json.dumps({**json.loads(body), "stream": stream})
    key = make_key(gateway.url, **({"scopes": case["scopes"]} if "scopes" in case else {}))
    with connect(gateway.url) as client:
        answer = client.request(method, path, content=body, headers=headers_of(case, key))
    assert answer.status_code == case["status"], answer.text
    assert case.get("contains", "") in answer.text
    for name in case.get("has", ()):
        assert name in answer.headers
    if "answer" in case:
        assert holds(answer.json(), case["answer"])
    for chat in shared_upstream.chats:
        assert holds(chat.json, case.get("sent", {})), chat.json
        assert not set(case.get("not_sent", ())) & set(chat.json)
    here = "count_tokens" in path or "load" in case["id"] or method == "GET"
    assert bool(shared_upstream.chats) is not (case["status"] != 200 or here)
