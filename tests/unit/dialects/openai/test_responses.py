"""Responses: what a request may cost, what goes upstream, and what the answers say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects.openai.responses import RESPONSES
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.prompt import IMAGE_FLOOR

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def asked(**fields: Any) -> Sanitised | Refusal:
    return RESPONSES.sanitise(json.dumps({"model": "m", "input": "hi", **fields}).encode())


def sanitise(**fields: Any) -> Sanitised:
    result = asked(**fields)
    assert isinstance(result, Sanitised), result
    return result


def refused(**fields: Any) -> Refusal:
    result = asked(**fields)
    assert isinstance(result, Refusal)
    assert result.kind.status == 400
    return result


def sent(granted: int = 9, **fields: Any) -> dict[str, Any]:
    body = RESPONSES.serialise(sanitise(**fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


def message(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(parts)}


@given(st.text(), st.text(min_size=1))
def test_the_prompt_bound_is_the_bytes_of_all_texts_and_32_for_each_item(text, more):
    size = len(text.encode("utf-8", "surrogatepass"))
    all_of_it = size + len(more.encode("utf-8", "surrogatepass"))
    assert sanitise(input=text).prompt_bound == size + 32
    assert sanitise(input=text, instructions=more).prompt_bound == all_of_it + 64
    items = [message({"type": "input_text", "text": text}), {"role": "user", "content": more}]
    assert sanitise(input=items).prompt_bound == all_of_it + 64


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}, 10 + 40),
        ({"type": "function_call", "call_id": "", "name": "f", "arguments": '"<>&"'}, 1 + 5 + 15),
        ({"type": "function_call_output", "call_id": "c1", "output": "four"}, 6),
        (
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [{"type": "input_text", "text": "four"}],
            },
            6,
        ),
        ({"type": "reasoning", "summary": [{"text": "ab"}], "encrypted_content": "abc"}, 5),
        ({"role": "a" * 20, "content": ""}, 4),
    ],
)
def test_everything_that_a_template_may_print_is_in_the_bound(item, size):
    assert sanitise(input=[item]).prompt_bound == size + 32
    assert sent(input=[item])["input"] == [item]


def test_a_small_picture_costs_as_much_as_a_large_one_may():
    item = message({"type": "input_image", "image_url": PIXEL, "detail": "auto"})
    assert sanitise(input=[item]).prompt_bound == IMAGE_FLOOR + 32
    assert sent(input=[item])["input"] == [item]


@pytest.mark.parametrize("url", ["https://x.example/y.png", "file:///etc/passwd", "//x", "x"])
def test_a_picture_that_the_server_would_have_to_fetch_is_refused(url):
    part = {"type": "input_image", "image_url": url}
    for item in (message(part), {"type": "function_call_output", "call_id": "1", "output": [part]}):
        refusal = refused(input=[message({"type": "input_text", "text": "a"}), item])
        assert refusal.param == "input[1]"
        assert "data:" in refusal.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("conversation", {"id": "conv_1"}),
        ("prompt", {"id": "pmpt_1"}),
    ],
)
def test_what_would_need_something_kept_is_refused_by_name(field, value):
    assert refused(**{field: value}).param == field
    assert field not in sent(**{field: None})


@pytest.mark.parametrize("value", [True, False, None])
def test_a_wish_to_have_it_kept_is_left_out_and_the_answer_says_that_it_is_not(value):
    assert sent(store=value, background=value) == sent()


@pytest.mark.parametrize("cap", [None, 0, -1, -(2**63)])
def test_a_cap_that_ollama_would_take_for_none_is_none_and_the_granted_number_is_sent(cap):
    assert sanitise(max_output_tokens=cap).max_output is None
    assert sent(granted=4, max_output_tokens=cap)["max_output_tokens"] == 4


def test_the_client_s_cap_is_the_most_that_it_gets():
    assert sanitise(max_output_tokens=5).max_output == 5
    assert sent(granted=3, max_output_tokens=5)["max_output_tokens"] == 3


def test_tools_and_the_form_of_the_text_count_as_templates_print_them():
    tool = {"type": "function", "name": "f", "description": "<b>", "parameters": {"type": "object"}}
    size = len(json.dumps([tool], separators=(",", ":"))) + 10 + 5 * 40 + 3
    assert sanitise(tools=[tool]).prompt_bound == 2 + 32 + size + 128
    form = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}
    size = len(json.dumps(form, separators=(",", ":"))) + 5 * 40 + 2
    assert sanitise(text=form).prompt_bound == 2 + 32 + size


THOUGHT = {"type": "reasoning_text", "text": "x"}
EMPTY = {"type": "reasoning_text", "text": ""}
SUMMED = [{"type": "summary_text", "text": "x"}, {"type": "summary_text", "text": "y"}]


@pytest.mark.parametrize(
    ("said", "summary", "content"),
    [
        ({}, [], [EMPTY]),
        ({"summary": [], "content": [], "encrypted_content": ""}, [], [EMPTY]),
        ({"summary": [], "content": None}, [], [EMPTY]),
        ({"summary": SUMMED}, SUMMED, [{**THOUGHT, "text": "x\n\ny"}]),
        ({"content": [THOUGHT]}, [], [THOUGHT]),
    ],
)
def test_a_thought_that_comes_back_is_one_that_llama_cpp_takes(said, summary, content):
    """It refuses one that has no content, as of a client that keeps the summary alone."""
    asked = sanitise(input=[{"type": "reasoning", **said}, {"role": "user", "content": "hi"}])
    bound, asked.listed = asked.prompt_bound, "m"
    body = RESPONSES.serialise(asked, 9)
    assert isinstance(body, bytes)
    thought, message = json.loads(body)["input"]
    assert (thought["summary"], thought["content"]) == (summary, content)
    assert message == {"role": "user", "content": "hi"}
    assert bound >= len("x\n\nyhi")


def test_instructions_alone_have_an_input_for_llama_cpp_which_needs_one():
    asked = sanitise(input="", instructions="Say hello.")
    asked.listed = "m"
    body = RESPONSES.serialise(asked, 9)
    assert isinstance(body, bytes)
    assert json.loads(body)["input"] == [{"role": "user", "content": ""}]


def test_a_thought_goes_to_ollama_as_it_came():
    thought = {"type": "reasoning", "summary": SUMMED, "encrypted_content": "xy"}
    assert sent(input=[thought])["input"] == [thought]
