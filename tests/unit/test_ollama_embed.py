"""What requests for vectors may cost, what of them goes upstream, and what their answers say."""

import json
from typing import Any

import pytest
from hypothesis import example, given

from gateway.dialects.base import Sanitised, Usage
from gateway.dialects.ollama_embed import OllamaEmbed, OllamaEmbeddings
from gateway.errors import Refusal
from gateway.meter import BodyMeter, PartMeter
from tests.unit.native_requests import (
    KEPT_BACK,
    OPTIONS,
    documents,
    doubled,
    spoiled,
    unknown_keys,
)

EMBED: dict[str, Any] = {
    "model": "m",
    "options": OPTIONS,
    "input": ["a"],
    "truncate": True,
    "dimensions": 8,
}
EMBEDDINGS: dict[str, Any] = {"model": "m", "options": OPTIONS, "prompt": "a"}
BOTH = [(OllamaEmbed(), EMBED), (OllamaEmbeddings(), EMBEDDINGS)]
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
    found = asked(OllamaEmbed(), {"model": "m", "input": given_})
    assert (found.prompt_bytes, found.messages) == (size, inputs)
    assert found.prompt_bound == size + 32 * inputs
    assert found.inputs == inputs  # each may fill the context


def test_a_request_that_would_only_load_the_model_is_refused():
    for nothing in ("", []):
        refused(OllamaEmbed(), {"model": "m", "input": nothing})
    refused(OllamaEmbeddings(), {"model": "m", "prompt": ""})


@each
def test_nothing_is_generated_and_nothing_streams(dialect, full):
    found = asked(dialect, {**full, "stream": True})
    assert (found.max_output, found.stream) == (0, False)
    assert dialect.scope == "embeddings"


@each
def test_every_known_field_arrives_and_no_other(dialect, full):
    text = dialect.serialise(asked(dialect, {**full, "stream": True, "messages": [], "x": 1}), 0)
    assert json.loads(text) == full


@each
@pytest.mark.parametrize(("name", "field"), KEPT_BACK)
def test_what_would_change_the_model_for_others_is_refused_by_name(dialect, full, name, field):
    if name == "keep_alive" or name.startswith("options."):
        assert refused(dialect, {**full, **field}).param == name
    else:  # not of these routes: dropped like any foreign field
        assert json.loads(dialect.serialise(asked(dialect, {**full, **field}), 0)) == full


@each
def test_keys_that_go_would_read_otherwise_are_refused_at_every_depth(dialect, full):
    for name, text in spoiled(full):
        assert "in case only" in refused(dialect, text).message, name
    for name, text in doubled(full):
        assert "twice" in refused(dialect, text).message, name


@pytest.mark.parametrize("wrong", [None, 5, [5], [[1, 2]], {"a": 1}])
def test_what_is_no_text_is_refused(wrong):
    refused(OllamaEmbed(), {"model": "m", "input": wrong})
    refused(OllamaEmbeddings(), {"model": "m", "prompt": wrong})
    refused(OllamaEmbed(), {"model": "m", "prompt": "hi"})
    refused(OllamaEmbeddings(), {"model": "m", "input": "hi"})


@each
@given(document=documents(EMBED, {**EMBED, **EMBEDDINGS}))
@example(document=EMBED)
def test_of_what_is_accepted_only_known_keys_survive_and_our_json_reads_the_same(
    dialect, full, document
):
    found = dialect.sanitise(json.dumps(document).encode())
    if isinstance(found, Refusal):
        assert found.kind.status == 400
        return
    text = dialect.serialise(found, 0)
    if isinstance(text, Refusal):
        assert text.kind.status == 400
        return
    assert not unknown_keys(json.loads(text), full)
    assert dialect.serialise(dialect.sanitise(text), 0) == text


def test_the_count_of_the_prompts_is_all_that_is_counted():
    body = json.dumps({"embeddings": [[1.0]], "prompt_eval_count": 3}).encode()
    meter = BodyMeter(OllamaEmbed(), body)
    assert (meter.usage, meter.complete, meter.broken) == (Usage(3, 0), True, False)


@pytest.mark.parametrize("body", [b'{"embedding":[1,2]}', b'{"model":"m","embeddings":[]}'])
def test_an_answer_without_a_count_is_whole_and_reports_nothing(body):
    meter = BodyMeter(OllamaEmbeddings(), body)
    assert (meter.usage, meter.complete, meter.broken) == (None, True, False)
    assert meter.estimate() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b'{"embedding":[1', b"\xff"])
def test_an_answer_that_is_no_object_is_broken(body):
    assert BodyMeter(OllamaEmbed(), body).broken


@each
def test_a_part_of_a_vector_is_seen_to_have_begun(dialect, full):
    name = "embedding" if "prompt" in full else "embeddings"
    body = bytearray(b'{"%s":[' % name.encode())
    meter = PartMeter(dialect, body)
    assert meter.estimate() == 0
    body += b"[0.1"
    assert meter.estimate() > 0
