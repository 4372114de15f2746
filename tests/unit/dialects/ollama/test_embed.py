"""What requests for vectors may cost, what of them goes upstream, and what their answers say."""

import json
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.ollama.embed import OLLAMA_EMBED, OLLAMA_EMBEDDINGS
from gateway.dialects.protocol import Sanitised, Usage
from gateway.proxy.meter import BodyMeter, PartMeter
from tests.support.requests.ollama import EMBED, EMBEDDINGS

BOTH = [(OLLAMA_EMBED, EMBED), (OLLAMA_EMBEDDINGS, EMBEDDINGS)]
each = pytest.mark.parametrize(("dialect", "full"), BOTH, ids=["embed", "embeddings"])


def asked(dialect: Any, body: object) -> Sanitised:
    found = dialect.sanitise(json.dumps(body).encode())
    assert isinstance(found, Sanitised), found
    return found


def refused(dialect: Any, body: object) -> Refusal:
    found = dialect.sanitise((body if isinstance(body, str) else json.dumps(body)).encode())
    assert isinstance(found, Refusal), found
    assert found.kind.status == 400
    return found


@pytest.mark.parametrize(
    ("given_", "size", "inputs"),
    [("hi", 2, 1), (["é😀", "a"], 7, 2), ([""] * 9, 0, 9)],
)
def test_the_prompt_bound_is_all_text_and_32_for_each_of_them(given_, size, inputs):
    found = asked(OLLAMA_EMBED, {"model": "m", "input": given_})
    assert (found.prompt_bytes, found.messages) == (size, inputs)
    assert found.prompt_bound == size + 32 * inputs
    assert found.inputs == inputs  # each may fill the context


@each
def test_nothing_is_generated_and_nothing_streams(dialect, full):
    found = asked(dialect, {**full, "stream": True})
    assert (found.max_output, found.stream) == (0, False)
    assert dialect.scope == "embeddings"


@each
def test_every_known_field_arrives_and_no_other(dialect, full):
    text = dialect.serialise(asked(dialect, {**full, "stream": True, "messages": [], "x": 1}), 0)
    assert json.loads(text) == full


@pytest.mark.parametrize("wrong", [5, [5], [[1, 2]], {"a": 1}, [None]])
def test_what_is_no_text_is_refused(wrong):
    refused(OLLAMA_EMBED, {"model": "m", "input": wrong})
    refused(OLLAMA_EMBEDDINGS, {"model": "m", "prompt": wrong})


def test_the_count_of_the_prompts_is_all_that_is_counted():
    body = json.dumps({"embeddings": [[1.0]], "prompt_eval_count": 3}).encode()
    meter = BodyMeter(OLLAMA_EMBED, body)
    assert (meter.usage, meter.complete, meter.broken) == (Usage(3, 0), True, False)


@pytest.mark.parametrize("body", [b'{"embedding":[1,2]}', b'{"model":"m"}', b"{}"])
def test_an_answer_without_a_count_is_whole_and_reports_nothing(body):
    meter = BodyMeter(OLLAMA_EMBEDDINGS, body)
    assert (meter.usage, meter.complete, meter.broken) == (None, True, False)
    assert meter.estimate() == 0


@pytest.mark.parametrize("body", [b'{"embedding":[]}', b'{"model":"m","embeddings": []}'])
def test_an_answer_without_a_vector_is_one_for_which_nothing_was_read(body):
    meter = BodyMeter(OLLAMA_EMBEDDINGS, body)
    assert (meter.usage, meter.complete, meter.broken) == (Usage(0, 0), True, False)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"embedding":[1', b"\xff"])
def test_an_answer_that_is_no_object_is_broken(body):
    assert BodyMeter(OLLAMA_EMBED, body).broken


@each
def test_a_part_of_a_vector_is_seen_to_have_begun(dialect, full):
    name = "embedding" if "prompt" in full else "embeddings"
    body = bytearray(b'{"%s":[' % name.encode())
    meter = PartMeter(dialect, body)
    assert meter.estimate() == 0
    body += b"[0.1"
    assert meter.estimate() > 0
