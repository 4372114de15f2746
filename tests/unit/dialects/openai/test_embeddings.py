"""Embeddings: what they may cost, what goes upstream, and what the answer says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects.openai.embeddings import EMBEDDINGS
from gateway.dialects.protocol import Sanitised, Usage
from gateway.proxy.meter import BodyMeter, PartMeter
from tests.support.replay import Recording


def sanitise(**fields: Any) -> Sanitised:
    asked = EMBEDDINGS.sanitise(json.dumps({"model": "m", "input": "hi", **fields}).encode())
    assert isinstance(asked, Sanitised), asked
    return asked


def sent(**fields: Any) -> dict[str, Any]:
    body = EMBEDDINGS.serialise(sanitise(**fields), 0)
    assert isinstance(body, bytes)
    return json.loads(body)


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_the_prompt_bound_is_the_bytes_of_all_texts_and_32_for_each(texts):
    asked = sanitise(input=texts)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert asked.prompt_bound == size + 32 * len(texts)
    assert asked.inputs == asked.messages == len(texts)
    alone = sanitise(input=texts[0])
    assert alone.prompt_bound == len(texts[0].encode("utf-8", "surrogatepass")) + 32


def test_nothing_is_generated_and_nothing_streams():
    asked = sanitise(stream=True, max_tokens=9, stream_options={"include_usage": True})
    assert (asked.max_output, asked.stream, asked.wants_usage) == (0, False, False)
    assert sent(stream=True, max_tokens=9) == {"model": "m", "input": "hi"}


@pytest.mark.parametrize("texts", ["hi", "", ["hi"], ["", ""], ["a", "b"]])
def test_texts_go_on_as_they_came(texts):
    assert sent(input=texts)["input"] == texts


@pytest.mark.parametrize("tokens", [[], [1, 2], [[1], [2]], 7, None, {"text": "x"}, ["a", 1]])
def test_what_is_no_text_is_refused_as_ollama_does(tokens):
    refusal = EMBEDDINGS.sanitise(json.dumps({"model": "m", "input": tokens}).encode())
    assert isinstance(refusal, Refusal)
    assert (refusal.param or "").startswith("input")


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("dimensions", [1, 256, None], [0, -1, "8", 1.5]),
        ("encoding_format", ["float", "base64", None], ["int8", "Base64", 1]),
    ],
)
def test_the_options_are_those_that_ollama_knows(field, good, bad):
    for value in good:
        assert sent(**{field: value}).get(field) == value
    for value in bad:
        request = json.dumps({"model": "m", "input": "hi", field: value}).encode()
        refusal = EMBEDDINGS.sanitise(request)
        assert isinstance(refusal, Refusal)
        assert refusal.param == field


@pytest.mark.parametrize(
    ("name", "tokens"),
    [("oai-embed2-array", 9), ("oai-embed2-string", 3), ("oai-embed2-empty-string", 1)],
)
def test_the_prompt_of_all_texts_is_counted_as_reported(name, tokens):
    meter = BodyMeter(EMBEDDINGS, Recording(name).body)
    assert (meter.usage, meter.complete, meter.broken) == (Usage(tokens, 0), True, False)


def test_a_body_cut_at_any_byte_behind_its_first_number_is_no_longer_free():
    body = Recording("oai-embed2-string").body
    begins = body.index(b'"embedding":[') + len(b'"embedding":[')
    for cut in range(0, len(body), 7):
        assert (PartMeter(EMBEDDINGS, bytearray(body[:cut])).estimate() > 0) is (cut > begins)


@pytest.mark.parametrize("junk", [b"", b"null", b"[]", b"\xff", b'{"usage":7}', b"{" * 9999])
def test_an_answer_that_holds_no_counts_breaks_nothing(junk):
    meter = BodyMeter(EMBEDDINGS, junk)
    assert (meter.usage, meter.estimate()) == (None, 0)
