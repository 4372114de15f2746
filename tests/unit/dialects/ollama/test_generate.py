"""What a request to Ollama's generate may cost, what of it goes upstream, and what is refused."""

import json
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.ollama.generate import OLLAMA_GENERATE
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared.prompt import IMAGE_FLOOR
from tests.support.requests.ollama import GENERATE, HARMLESS, OPTIONS
from tests.support.requests.ollama import MINIMAL_GENERATE as MINIMAL


def asked(**fields: Any) -> Sanitised:
    found = OLLAMA_GENERATE.sanitise(json.dumps({**MINIMAL, **fields}).encode())
    assert isinstance(found, Sanitised), found
    return found


def refused(body: object) -> Refusal:
    text = body if isinstance(body, str) else json.dumps(body)
    found = OLLAMA_GENERATE.sanitise(text.encode())
    assert isinstance(found, Refusal), found
    assert found.kind.status == 400
    return found


def sent(granted: int = 9, **fields: Any) -> dict[str, Any]:
    body = OLLAMA_GENERATE.serialise(asked(**fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


@pytest.mark.parametrize(
    ("fields", "size", "wraps"),
    [
        ({}, 2, 1),
        ({"prompt": "é😀"}, 6, 1),
        ({"system": "be"}, 4, 2),
        ({"system": ""}, 2, 2),
        ({"suffix": "end"}, 5, 2),
        ({"system": "a", "suffix": "b"}, 4, 3),
        ({"format": "json"}, 2 + len('"json"'), 1),
        ({"format": {"x": "<"}}, 2 + len('{"x":"<"}') + 5 + 40, 1),
        ({"images": ["aGk="]}, 2 + IMAGE_FLOOR, 1),
        ({"images": ["A" * 9000] * 2}, 2 + 18000, 1),
    ],
)
def test_the_prompt_bound_is_all_text_and_32_for_each_part(fields, size, wraps):
    found = asked(**fields)
    assert (found.prompt_bytes, found.messages) == (size, wraps)
    assert found.prompt_bound == size + 32 * wraps


@pytest.mark.parametrize(("cap", "most"), [(5, 5), (0, None), (-1, None), (-2, None), (None, None)])
def test_the_cap_is_num_predict_where_it_is_one_and_the_granted_number_always_goes_on(cap, most):
    assert asked(options={"num_predict": cap}).max_output == most
    assert sent(granted=4, options={"num_predict": cap})["options"] == {"num_predict": 4}
    assert sent(granted=4)["options"] == {"num_predict": 4}


@pytest.mark.parametrize(("stream", "streams"), [(None, True), (True, True), (False, False)])
def test_it_streams_unless_it_says_no(stream, streams):
    assert asked(stream=stream).stream is sent(stream=stream)["stream"] is streams
    assert sent()["stream"] is True


def test_every_known_field_arrives_and_no_other():
    request = sent(granted=5, **GENERATE, messages=[], tools=[], width=64, steps=9, foo=1)
    assert request == {**GENERATE, "options": {**OPTIONS, "num_predict": 5}}


@pytest.mark.parametrize("field", HARMLESS)
def test_a_field_that_says_nothing_is_no_reason_to_refuse(field):
    assert sent(**field) == {**MINIMAL, "stream": True, "options": {"num_predict": 9}}


@pytest.mark.parametrize("prompt", [5, ["hi"], {}, True])
def test_a_prompt_that_is_no_text_is_refused(prompt):
    assert refused({"model": "m", "prompt": prompt}).param == "prompt"
