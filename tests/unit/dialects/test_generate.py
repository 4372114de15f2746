"""A prompt for a text: what it may cost, and what of it goes upstream."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects.generate import GENERATE
from gateway.dialects.protocol import Sanitised


def sanitise(**fields: Any) -> Sanitised:
    asked = GENERATE.sanitise(json.dumps({"prompt": "hi", **fields}).encode())
    assert isinstance(asked, Sanitised), asked
    return asked


def sent(granted: int = 9, **fields: Any) -> dict[str, Any]:
    body = GENERATE.serialise(sanitise(model="m", **fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


@given(st.text(min_size=1), st.text())
def test_the_prompt_bound_is_the_bytes_of_the_texts_and_32_for_each_message(prompt, system):
    size = len((prompt + system).encode("utf-8", "surrogatepass"))
    asked = sanitise(prompt=prompt, system=system)
    messages = 2 if system else 1
    assert (asked.prompt_bytes, asked.messages) == (size, messages)
    assert asked.prompt_bound == size + 32 * messages


def test_a_chat_of_these_texts_is_what_goes_upstream():
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert sent(system="be brief", max_tokens=5, temperature=0.5, granted=3) == {
        "model": "m",
        "messages": messages,
        "temperature": 0.5,
        "max_tokens": 3,
    }
    assert sent() == {"model": "m", "messages": messages[1:], "max_tokens": 9}


def test_a_stream_is_asked_for_its_usage():
    assert sent(stream=True)["stream_options"] == {"include_usage": True}
    for stream in (False, None):
        assert not {"stream", "stream_options"} & sent(stream=stream).keys()


def test_what_is_null_is_as_if_it_was_left_out():
    fields = ("model", "system", "max_tokens", "temperature", "stream")
    asked, plain = sanitise(**dict.fromkeys(fields)), sanitise()
    assert asked == plain
    assert (asked.model, asked.max_output, asked.stream) == ("", None, False)


def test_a_model_that_is_named_is_the_one_that_is_asked():
    asked = sanitise(model="Small:latest")
    assert (asked.model, asked.cloud) == ("small:latest", False)
    assert sanitise(model="big:cloud").cloud


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["hi"]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"model": "a\nb"}, "model"),
        ({"model": 7}, "model"),
        ({"system": {}}, "system"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": "true"}, "stream"),
        ({"Model": "m"}, "Model"),
        ({"ſtream": True}, "ſtream"),
    ],
)
def test_a_wrong_field_is_refused_and_named(fields, param):
    refusal = GENERATE.sanitise(json.dumps({"prompt": "hi", **fields}).encode())
    assert isinstance(refusal, Refusal)
    assert (refusal.kind.status, refusal.param) == (400, param)


@pytest.mark.parametrize("field", ["tools", "messages", "options", "keep_alive", "num_ctx", "n"])
def test_a_field_that_is_not_known_is_refused_and_named(field):
    refusal = GENERATE.sanitise(json.dumps({"prompt": "hi", field: []}).encode())
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 400
    assert f"`{field}`" in refusal.message


def test_a_prompt_has_to_be_there():
    refusal = GENERATE.sanitise(b'{"model":"m"}')
    assert isinstance(refusal, Refusal)
    assert "prompt" in refusal.message
