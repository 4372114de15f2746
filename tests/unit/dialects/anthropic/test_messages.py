"""What of a request to messages goes upstream, and what is refused."""

import json
from typing import Any

import msgspec
import pytest

from gateway.core.errors import Refusal
from gateway.dialects.protocol import Sanitised
from tests.support.requests.anthropic import MESSAGES, TOOL, refused, said, sanitise, sent
from tests.support.requests.full_messages import FULL, MINIMAL, PIXEL


def test_every_field_that_ollama_reads_is_passed_on_as_it_was():
    assert sent(**FULL) == FULL


def test_what_is_left_out_is_not_added():
    assert sent() == MINIMAL


def test_the_granted_number_goes_upstream_as_the_cap():
    assert sanitise(max_tokens=99).max_output == 99
    assert sent(4, max_tokens=99)["max_tokens"] == 4


@pytest.mark.parametrize("value", [0, -1, None, "5", 5.5, True, 2**63])
def test_a_cap_that_is_none_is_refused_and_named(value: object):
    assert refused(max_tokens=value).param == "max_tokens"


def test_a_request_without_a_cap_is_refused():
    body = {key: value for key, value in MINIMAL.items() if key != "max_tokens"}
    refusal = MESSAGES.sanitise(json.dumps(body).encode())
    assert isinstance(refusal, Refusal)
    assert "max_tokens" in refusal.message


def test_fields_that_nobody_knows_are_dropped_at_every_depth():
    cache = {"cache_control": {"type": "ephemeral"}}
    request = sent(
        messages=said(
            {"type": "text", "text": "a", "citations": [], **cache},
            {
                "type": "tool_result",
                "tool_use_id": "1",
                "content": [{"type": "text", "text": "b", **cache}],
            },
        ),
        system=[{"type": "text", "text": "c", **cache}],
        tools=[{**TOOL, "max_uses": 5, **cache}],
        metadata={"user_id": "somebody"},
        mcp_servers=[{"type": "url", "url": "http://example.com", "name": "x"}],
        service_tier="auto",
        options={"num_ctx": 1},
        keep_alive="1h",
    )
    result = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "b"}]}
    assert request == {
        **MINIMAL,
        "messages": said({"type": "text", "text": "a"}, result),
        "system": [{"type": "text", "text": "c"}],
        "tools": [TOOL],
    }


def test_a_tool_of_one_s_own_may_have_any_name():
    tools = [{**TOOL, "type": "custom", "name": "web_search"}]
    assert sent(tools=tools)["tools"] == tools


@pytest.mark.parametrize(
    "source",
    [
        {"type": "url", "url": "http://10.0.0.1/x.png"},
        {"type": "file", "file_id": "file_1"},
        {"type": "text", "media_type": "text/plain", "data": "http://10.0.0.1"},
        {"type": "", "data": "x"},
        {"type": "Base64", "data": "x"},
        {"type": "url", "url": "https://example.com/x.png", "data": "x"},
    ],
    ids=lambda source: source["type"],
)
@pytest.mark.parametrize("where", ["message", "result"])
def test_a_picture_that_somebody_would_have_to_fetch_is_refused(source: Any, where: str):
    picture = {"type": "image", "source": source}
    path = "messages[0].content[0]"
    if where == "result":
        path += ".content[0]"
        picture = {"type": "tool_result", "tool_use_id": "1", "content": [picture]}
    refusal = refused(messages=said(picture))
    assert refusal.param == f"{path}.source.type"
    assert "base64" in refusal.message


def test_an_address_beside_the_data_of_a_picture_is_not_passed_on():
    picture = {"type": "image", "source": {**PIXEL, "url": "http://10.0.0.1/x.png"}}
    assert sent(messages=said(picture))["messages"] == said({"type": "image", "source": PIXEL})


FOLDED = [
    b'"Model":"x"',
    b'"MAX_TOKENS":9999',
    b'"max_to\xe2\x84\xaaens":9999',
    '"\u017ftream":true'.encode(),
    b'"Tools":[{"type":"web_search_20250305","name":"web_search"}]',
    b'"tools":[{"name":"f","Type":"web_search_20250305"}]',
    b'"tools":[{"name":"f","type":"custom","type":"web_search_20250305"}]',
    b'"system":[{"type":"text","Text":"x"}]',
    b'"thinking":{"type":"enabled","Budget_Tokens":1}',
    b'"tool_choice":{"type":"auto","Name":"f"}',
    b'"output_config":{"Effort":"high"}',
    b'"messages":[{"role":"user","content":"a","Content":"b"}]',
    b'"messages":[{"role":"user","content":[{"type":"text","text":"a","TEXT":"b"}]}]',
    b'"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"",'
    b'"Type":"url"}}]}]',
    b'"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text",'
    b'"Text":"b"}]}]}]',
    b'"messages":[{"role":"user","content":[{"type":"tool_use","id":"1","name":"f",'
    b'"input":{"a":1,"a":2}}]}]',
]


@pytest.mark.parametrize("field", FOLDED, ids=ascii)
def test_keys_that_ollama_would_read_as_known_ones_are_refused_at_every_depth(field: bytes):
    rest = b'"model":"m","max_tokens":7'
    if not field.startswith(b'"messages"'):
        rest += b',"messages":[{"role":"user","content":"hi"}]'
    refusal = MESSAGES.sanitise(b"{" + rest + b"," + field + b"}")
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 400


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": 1}, "model"),
        ({"model": "../x"}, "model"),
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": said({"type": "tool_use", "input": []})}, "messages[0].content[0].input"),
        ({"system": {"type": "text"}}, "system"),
        ({"stream": "true"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"tools": [{"description": "x"}]}, "tools[0]"),
        ({"thinking": {"budget_tokens": 5}}, "thinking"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_type_is_refused_and_named(changes: dict[str, Any], param: str):
    assert refused(**changes).param == param


def test_the_model_is_the_canonical_one_that_was_checked():
    assert sanitise(model="Gemma3:270M").model == "gemma3:270m"
    assert sent(model="Gemma3:270M")["model"] == "gemma3:270m"
    assert sanitise(model="gpt-oss:120b-cloud").cloud


def test_an_error_after_the_head_is_an_event_that_clients_raise():
    event = MESSAGES.error_event(b'{"type":"error"}')
    assert event == b'event: error\ndata: {"type":"error"}\n\n'


def test_the_request_in_the_reference_is_one_that_is_passed_on_whole():
    example = MESSAGES.reference.example
    asked = MESSAGES.sanitise(msgspec.json.encode(example))
    assert isinstance(asked, Sanitised)
    body = MESSAGES.serialise(asked, example["max_tokens"])
    assert isinstance(body, bytes)
    assert json.loads(body) == example
