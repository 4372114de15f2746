"""What a request to Ollama's chat may cost, what of it goes upstream, and what is refused."""

import json
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.ollama.chat import OLLAMA_CHAT
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.prompt import IMAGE_FLOOR
from tests.support.requests.ollama import CHAT, HARMLESS, OPTIONS
from tests.support.requests.ollama import MINIMAL_CHAT as MINIMAL

USER = {"role": "user", "content": "hi"}
TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "<b>", "parameters": {"type": "object"}},
}


def asked(**fields: Any) -> Sanitised:
    found = OLLAMA_CHAT.sanitise(json.dumps({**MINIMAL, **fields}).encode())
    assert isinstance(found, Sanitised), found
    return found


def refused(body: object) -> Refusal:
    text = body if isinstance(body, str) else json.dumps(body)
    found = OLLAMA_CHAT.sanitise(text.encode())
    assert isinstance(found, Refusal), found
    assert found.kind.status == 400
    return found


def sent(granted: int = 9, **fields: Any) -> dict[str, Any]:
    body = OLLAMA_CHAT.serialise(asked(**fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


@pytest.mark.parametrize(
    ("messages", "size", "wraps"),
    [
        ([USER], 2, 1),
        ([USER, {"role": "user", "content": "ab"}], 4, 2),
        ([{"role": "user", "content": "é😀"}], 6, 1),
        ([{"role": "assistant", "content": "a", "thinking": "bcd"}], 4, 1),
        ([{"role": "tool", "content": "a", "tool_name": "get", "tool_call_id": "c1"}], 6, 1),
        ([{"role": "user"}], 0, 1),
        ([{"role": "w" * 1016}], 1000, 1),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}],
            1,
            2,
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"x": "<"}}}],
                }
            ],
            2 + len('{"x":"<"}') + 5 + 40,
            2,
        ),
    ],
)
def test_the_prompt_bound_is_all_text_and_32_for_each_message_and_call(messages, size, wraps):
    found = asked(messages=messages)
    assert found.prompt_bytes == size
    assert found.prompt_bound == size + 32 * wraps
    assert found.messages == len(messages)


def test_tools_a_schema_and_pictures_are_part_of_the_prompt():
    plain = asked().prompt_bound
    assert asked(tools=[TOOL]).prompt_bound >= plain + len(json.dumps(TOOL, separators=(",", ":")))
    assert asked(tools=[TOOL] * 100).prompt_bound >= plain + 100 * 128
    assert asked(format={"x": "y" * 100}).prompt_bound >= plain + 100
    small, large = ({**USER, "images": ["A" * size]} for size in (4, 9000))
    assert asked(messages=[small]).prompt_bound >= plain + IMAGE_FLOOR
    assert asked(messages=[large]).prompt_bound >= plain + 9000


@pytest.mark.parametrize(
    ("options", "most"),
    [
        (None, None),
        ({}, None),
        ({"num_predict": 5}, 5),
        ({"num_predict": 0}, None),
        ({"num_predict": -1}, None),
        ({"num_predict": -2}, None),
        ({"num_predict": None}, None),
        ({"num_predict": 2**63 - 1}, 2**63 - 1),
    ],
)
def test_the_cap_is_num_predict_where_it_is_one_and_the_granted_number_always_goes_on(
    options, most
):
    assert asked(options=options).max_output == most
    assert sent(granted=4, options=options)["options"] == {"num_predict": 4}


@pytest.mark.parametrize(("said", "streams"), [({}, True), ({"stream": None}, True)])
def test_a_request_that_does_not_say_so_streams(said, streams):
    assert asked(**said).stream is streams
    assert sent(**said)["stream"] is streams


@pytest.mark.parametrize("stream", [True, False])
def test_a_request_that_says_whether_it_streams_is_obeyed(stream):
    assert asked(stream=stream).stream is stream
    assert sent(stream=stream)["stream"] is stream


def test_every_known_field_arrives_and_its_options_too():
    request = sent(granted=5, **CHAT)
    assert request == {**CHAT, "options": {**OPTIONS, "num_predict": 5}}


def test_fields_that_nobody_knows_are_dropped_at_every_depth():
    request = sent(
        messages=[{**USER, "name": "bob", "reasoning": "x"}],
        tools=[{**TOOL, "x": 1}],
        options={"foo": 1},
        max_tokens=7,
        width=64,
        user="alice",
    )
    options = {"num_predict": 9}
    assert request == {**MINIMAL, "stream": True, "tools": [TOOL], "options": options}


def test_fields_of_generate_go_nowhere():
    request = sent(raw=True, template="{{ .Prompt }}", context=[1], prompt="x", system="y")
    assert set(request) == {"model", "messages", "stream", "options"}


@pytest.mark.parametrize("field", HARMLESS)
def test_a_field_that_says_nothing_is_no_reason_to_refuse(field):
    assert set(sent(**field)) <= {"model", "messages", "stream", "options"}


@pytest.mark.parametrize("messages", ["hi", {}, 1, [None], [[]]])
def test_messages_that_are_none_are_refused(messages):
    assert refused({"model": "m", "messages": messages}).param.startswith("messages")


@pytest.mark.parametrize(
    "key", ["Keep_Alive", "\u212aeep_alive", "OPTIONS", "_debug_render_onl\u0079 ", "Stream"]
)
def test_no_spelling_of_a_field_that_is_kept_back_gets_through(key):
    found = OLLAMA_CHAT.sanitise(json.dumps({**MINIMAL, key: 0}).encode())
    if isinstance(found, Sanitised):  # a name that Ollama does not take for it either
        assert key.endswith(" ")
        assert found.privilege is None
        assert key not in str(OLLAMA_CHAT.serialise(found, 1))


@pytest.mark.parametrize(
    ("spelling", "name", "goes_on"),
    [
        ("gemma3:270m", "gemma3:270m", "gemma3:270m"),
        ("Gemma3:270M", "gemma3:270m", "gemma3:270m"),
        ("gemma3", "gemma3:latest", "gemma3"),
        (" registry.ollama.ai/library/gemma3:270m", "gemma3:270m", "gemma3:270m"),
    ],
)
def test_the_model_is_the_canonical_one_that_was_checked(spelling, name, goes_on):
    assert asked(model=spelling).model == name
    assert sent(model=spelling)["model"] == goes_on


@pytest.mark.parametrize("spelling", ["gpt-oss:120b-cloud", "x:CLOUD", "x:cloud:local", "../x"])
def test_what_would_leave_the_machine_is_marked_and_what_cannot_be_is_refused(spelling):
    found = OLLAMA_CHAT.sanitise(json.dumps({**MINIMAL, "model": spelling}).encode())
    assert found.param == "model" if isinstance(found, Refusal) else found.cloud
