"""What a chat request may cost at most, and what of it goes upstream."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.prompt import IMAGE_FLOOR

USER = {"role": "user", "content": "hi"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "<b>", "parameters": {"type": "object"}},
}


def sanitise(**fields: Any) -> Sanitised:
    asked = CHAT.sanitise(json.dumps({"model": "m", "messages": [USER], **fields}).encode())
    assert isinstance(asked, Sanitised), asked
    return asked


def sent(granted: int = 9, **fields: Any) -> dict[str, Any]:
    body = CHAT.serialise(sanitise(**fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


@pytest.mark.parametrize(
    ("messages", "size"),
    [
        ([USER], 2),
        ([USER, {"role": "user", "content": "ab"}], 4),
        ([{"role": "user", "content": "é😀"}], 6),
        ([{"role": "user", "content": [{"type": "text", "text": "abc"}]}], 3),
        ([{"role": "user", "content": [{"type": "text", "text": "é"}] * 3}], 6),
        ([{"role": "assistant", "content": "a", "reasoning": "bcd"}], 4),
        ([{"role": "user", "content": "a", "name": "bob"}], 4),
        ([{"role": "tool", "content": "a", "tool_call_id": "call_1"}], 7),
    ],
)
def test_the_prompt_bound_is_the_bytes_of_the_text_and_32_for_each_message(messages, size):
    asked = sanitise(messages=messages)
    roles = sum(len(message["role"]) for message in messages)
    contents = [message["content"] for message in messages]
    made = sum(1 if isinstance(one, str) else len(one) for one in contents)  # Ollama: one a part
    # A role is text too; the allowance for a message may or may not hold it.
    assert size + 32 * made <= asked.prompt_bound <= size + roles + 32 * made


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_no_text_is_bounded_by_less_than_its_bytes(texts):
    size = sum(len(text.encode()) for text in texts)
    split = sanitise(messages=[{"role": "user", "content": text} for text in texts])
    joined = sanitise(
        messages=[{"role": "user", "content": [{"type": "text", "text": t} for t in texts]}]
    )
    assert split.prompt_bound >= size + 32 * len(texts)
    assert joined.prompt_bound >= size + 32


def test_a_role_is_text_that_a_template_prints():
    short = sanitise(messages=[{"role": "user", "content": "hi"}])
    long = sanitise(messages=[{"role": "wizard " * 1000, "content": "hi"}])
    assert long.prompt_bound >= short.prompt_bound + 6000


def test_every_tool_call_costs_even_an_empty_one():
    call = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
    few = sanitise(messages=[{"role": "assistant", "tool_calls": [call]}])
    many = sanitise(messages=[{"role": "assistant", "tool_calls": [call] * 1001}])
    assert many.prompt_bound >= few.prompt_bound + 1000 * 16  # a template wraps each in its own


@pytest.mark.parametrize("image_url", [PIXEL, {"url": PIXEL}])
def test_a_small_picture_costs_as_much_as_a_large_one_may(image_url):
    message = {"role": "user", "content": [{"type": "image_url", "image_url": image_url}]}
    assert sanitise(messages=[message]).prompt_bound >= IMAGE_FLOOR


def test_tools_and_a_schema_are_part_of_the_prompt():
    plain = sanitise().prompt_bound
    tools = sanitise(tools=[TOOL]).prompt_bound
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"x": "y" * 100}}}
    assert tools >= plain + len(json.dumps(TOOL, separators=(",", ":")))
    assert sanitise(response_format=schema).prompt_bound >= plain + 100


@pytest.mark.parametrize(
    ("caps", "most"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 5}, 5),
        ({"max_tokens": 7, "max_completion_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 5),
        ({"max_tokens": 0}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": None, "max_completion_tokens": 3}, 3),
        ({"max_tokens": 0, "max_completion_tokens": 3}, 3),
        ({"max_tokens": 2**63 - 1}, 2**63 - 1),
    ],
)
def test_the_smaller_cap_counts_and_none_or_a_senseless_one_means_no_cap(caps, most):
    assert sanitise(**caps).max_output == most


@pytest.mark.parametrize("caps", [{}, {"max_tokens": 99}, {"max_completion_tokens": 99}])
def test_the_granted_number_goes_upstream_in_the_field_that_ollama_obeys(caps):
    request = sent(granted=4, **caps)
    assert request["max_tokens"] == 4
    assert "max_completion_tokens" not in request


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": True}])
def test_a_stream_is_always_asked_for_its_usage_and_the_client_sees_it_only_if_it_asked(options):
    fields = {"stream": True, "stream_options": options}
    assert sent(**fields)["stream_options"] == {"include_usage": True}
    assert sanitise(**fields).wants_usage is (options == {"include_usage": True})


def test_what_is_no_stream_asks_for_no_stream_options():
    request = sent(stream=False, stream_options={"include_usage": True})
    assert not request.get("stream")
    assert "stream_options" not in request


@pytest.mark.parametrize("value", [None, False])
def test_a_stream_must_be_asked_for(value):
    assert sanitise(stream=value).stream is False


def test_the_arguments_of_a_call_count_as_go_prints_them():
    call = {"function": {"name": "f", "arguments": '"<>&"'}}
    asked = sanitise(messages=[{"role": "assistant", "content": "", "tool_calls": [call]}])
    assert asked.prompt_bound == len('f"') + 3 * len("\\u003c") + len('"') + 2 * 32


@pytest.mark.parametrize(
    "url", ["https://example.com/x.png", "HTTP://10.0.0.1/", "file:///etc/passwd", "//x", "", "x"]
)
def test_a_picture_that_the_server_would_have_to_fetch_is_refused(url: str):
    for image in (url, {"url": url}):
        part = {"type": "image_url", "image_url": image}
        message = {"role": "user", "content": [{"type": "text", "text": "a"}, part]}
        refusal = CHAT.sanitise(json.dumps({"model": "m", "messages": [message]}).encode())
        assert isinstance(refusal, Refusal)
        assert (refusal.kind.status, refusal.param) == (400, "messages")
        assert "data:" in refusal.message


def test_fields_that_nobody_knows_are_dropped_at_every_depth():
    request = sent(
        messages=[{**USER, "thinking": "x", "images": ["x"]}],
        tools=[{**TOOL, "x": 1}],
        options={"num_ctx": 1},
        keep_alive="1h",
        user="alice",
        _debug_render_only=True,
    )
    assert request == {"model": "m", "messages": [USER], "max_tokens": 9, "tools": [TOOL]}


def test_null_content_beside_tool_calls_stays_null_and_none_stays_away():
    calls = [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]
    messages = [{"role": "assistant", "content": None, "tool_calls": calls}, {"role": "user"}]
    assert sent(messages=messages)["messages"] == messages


@pytest.mark.parametrize(
    ("spelling", "name", "goes_on"),
    [
        ("gemma3:270m", "gemma3:270m", "gemma3:270m"),
        ("Gemma3:270M", "gemma3:270m", "gemma3:270m"),
        ("gemma3", "gemma3:latest", "gemma3"),
        ("registry.ollama.ai/library/gemma3:270m", "gemma3:270m", "gemma3:270m"),
    ],
)
def test_the_model_is_the_canonical_one_that_was_checked(spelling, name, goes_on):
    assert sanitise(model=spelling).model == name
    assert sent(model=spelling)["model"] == goes_on


@pytest.mark.parametrize("spelling", ["gpt-oss:120b-cloud", "x:CLOUD", "x:cloud:local"])
def test_what_would_leave_the_machine_is_marked_or_refused(spelling):
    body = json.dumps({"model": spelling, "messages": [USER]}).encode()
    asked = CHAT.sanitise(body)
    assert isinstance(asked, Refusal) or asked.cloud


def test_a_model_that_cannot_be_is_refused_by_name():
    asked = CHAT.sanitise(b'{"model":"../x","messages":[{"role":"user","content":"a"}]}')
    assert isinstance(asked, Refusal)
    assert (asked.kind.status, asked.param) == (400, "model")
