"""What the prompt of a request to messages may cost at most."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.shared.prompt import IMAGE_FLOOR
from tests.support.requests.anthropic import TOOL, said, sanitise
from tests.support.requests.full_messages import PIXEL


def bound(**fields: Any) -> int:
    return sanitise(**fields).prompt_bound


@pytest.mark.parametrize(
    ("fields", "size", "wraps"),
    [
        ({"messages": [{"role": "user", "content": "é😀"}]}, 6, 1),
        ({"messages": said({"type": "text", "text": "abc"}, {"type": "text", "text": "d"})}, 4, 2),
        ({"messages": said({"type": "thinking", "thinking": "abc"}, role="assistant")}, 3, 1),
        ({"system": "abc"}, 5, 2),
        ({"system": [{"type": "text", "text": "abc"}]}, 5, 2),
        ({"messages": said({"type": "tool_result", "tool_use_id": "1", "content": "abc"})}, 4, 1),
        (
            {
                "messages": said(
                    {
                        "type": "tool_result",
                        "tool_use_id": "1",
                        "content": [{"type": "text", "text": "abcd"}],
                    }
                )
            },
            5,
            1,
        ),
        (
            {"messages": said({"type": "tool_use", "id": "1", "name": "fn", "input": {"a": "bc"}})},
            3 + len('{"a":"bc"}') + 40,
            1,
        ),
    ],
)
def test_the_prompt_bound_is_the_bytes_of_all_texts_and_32_for_each_message_made_of_it(
    fields: dict[str, Any], size: int, wraps: int
):
    assert size + 32 * wraps <= bound(**fields) <= size + 32 * wraps + 32


texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(texts, min_size=1, max_size=4))
def test_no_text_in_any_place_is_bounded_by_less_than_its_bytes(parts: list[str]):
    size = sum(len(text.encode()) for text in parts)
    blocks = [{"type": "text", "text": text} for text in parts]
    thoughts = [{"type": "thinking", "thinking": text} for text in parts]
    results = [{"type": "tool_result", "tool_use_id": "1", "content": blocks}]
    calls = [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": text}} for text in parts]
    for messages in (said(*blocks), said(*thoughts), said(*results), said(*calls)):
        assert bound(messages=messages) >= size + 32
    assert bound(system=blocks) >= size + 64


def test_a_small_picture_costs_as_much_as_a_large_one_may():
    picture = {"type": "image", "source": PIXEL}
    result = {"type": "tool_result", "tool_use_id": "1", "content": [picture]}
    for block in (picture, result):
        assert bound(messages=said(block)) >= IMAGE_FLOOR
    large = {"type": "image", "source": {**PIXEL, "data": "A" * 9000}}
    assert bound(messages=said(large)) >= 9000


def test_tools_are_part_of_the_prompt():
    printed = len(json.dumps(TOOL, separators=(",", ":")))
    assert bound(tools=[TOOL]) >= bound() + printed + 5 * 2
    assert bound(tools=[TOOL] * 101) >= bound(tools=[TOOL]) + 100 * (printed + 100)


@pytest.mark.parametrize(
    ("value", "in_go"),
    [
        ("<>&", r"\u003c\u003e\u0026"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\b\f", r"\u0008\u000c"),
        (1e20, "100000000000000000000"),
        (1.5e-6, "0.0000015"),
        (1e300, "1e+300"),
        (2**64, "18446744073709551616"),
    ],
)
@pytest.mark.parametrize("count", [1, 100])
def test_what_go_prints_longer_than_we_do_is_counted_at_that_length(
    value: object, in_go: str, count: int
):
    call = {"type": "tool_use", "id": "", "name": "", "input": {"a": [value] * count}}
    empty = {**call, "input": {"a": []}}
    grown = bound(messages=said(call)) - bound(messages=said(empty))
    quotes = 2 if isinstance(value, str) else 0
    assert grown >= count * (len(in_go) + quotes)


def test_a_role_is_text_that_a_template_prints():
    long = [{"role": "wizard " * 1000, "content": "hi"}]
    assert bound(messages=long) >= bound() + 6000
