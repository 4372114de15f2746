"""How a chat's answer is translated as a text, and that none of it is lost or goes free."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.generate import GENERATE
from gateway.dialects.protocol import AnswerContext, Usage
from gateway.proxy.meter import BodyMeter, PartMeter, StreamMeter
from tests.support.replay import Recording

STREAM = Recording("oai-chat-stream-usage")
WHOLE = Recording("oai-chat")
THOUGHT = Recording("oai-chat-thinking")
CONTEXT = AnswerContext("an-id", "my-model", lambda: Usage(3, 4), {})
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
DONE = b"data: [DONE]\n\n"


def translated(*parts: bytes) -> list[dict[str, Any]]:
    """The events that the client gets of metered parts."""
    make = GENERATE.translator(CONTEXT, whole=False)
    shown = b"".join(map(make, parts))
    assert not shown or shown.endswith(b"\n\n")
    return [json.loads(event.removeprefix(b"data: ")) for event in shown.split(b"\n\n")[:-1]]


def chunk(**choice: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def test_the_events_are_pieces_of_the_text_and_a_last_one_with_all_else():
    *pieces, last = translated(STREAM.body)
    assert all(event.keys() == {"response"} and event["response"] for event in pieces)
    recorded = [json.loads(one[6:]) for one in STREAM.body.split(b"\n\n") if b"content" in one]
    said = "".join(one["choices"][0]["delta"]["content"] for one in recorded)
    assert "".join(event["response"] for event in pieces) == said != ""
    named = {"id": "an-id", "model": "my-model"}
    assert last == {
        "response": "",
        "done": True,
        **named,
        "finish_reason": "length",
        "usage": USAGE,
    }


@given(st.lists(st.integers(0, len(STREAM.body)), max_size=30))
def test_any_cutting_gives_the_same(points):
    edges = [0, *sorted(points), len(STREAM.body)]
    meter = StreamMeter(GENERATE, show_usage=False)
    parts = [meter.feed(STREAM.body[a:b]) for a, b in itertools.pairwise(edges)]
    assert translated(*parts) == translated(STREAM.body)
    assert meter.usage is not None
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == STREAM.usage
    assert meter.complete


@pytest.mark.parametrize(
    "said",
    [
        b": alive\n\n",
        b'event: ping\ndata: {"type":"ping"}\n\n',
        b'data: {"choices":[]}\n\n',
        chunk(index=0),
        chunk(delta=None),
        chunk(delta={"role": "assistant", "content": None}),
        chunk(delta={"content": ""}),
        chunk(delta={"reasoning": "hm", "reasoning_content": "hm"}),
    ],
)
def test_what_holds_no_text_is_not_told(said):
    assert translated(said) == []


def test_the_last_event_says_why_the_text_ended_or_that_nobody_knows():
    length = chunk(delta={"content": "x"}, finish_reason="length")
    assert translated(length, chunk(delta={}), DONE)[-1]["finish_reason"] == "length"
    assert translated(chunk(delta={"content": "x"}), DONE)[-1]["finish_reason"] is None


@pytest.mark.parametrize(
    "event",
    [b"data: {\n\n", b"data: 7\n\n", chunk(delta={"content": [1]}), b'data: {"choices":7}\n\n'],
)
def test_an_event_that_could_hold_text_and_cannot_be_read_ends_the_stream_as_an_error(event):
    meter = StreamMeter(GENERATE, show_usage=False)
    first = chunk(delta={"content": "x"})
    piece, shown = translated(meter.feed(first + event + DONE))
    assert piece == {"response": "x"}
    assert shown["error"]["code"] == "upstream_error"
    assert (meter.complete, meter.failed) == (True, True)
    assert meter.estimate() > 0


@pytest.mark.parametrize("error", ['{"message":"at /home/me/x"}', '"boom"'])
def test_an_error_of_the_model_server_ends_the_stream_as_an_error(error):
    event = b'data: {"error":%s}\n\n' % error.encode()
    meter = StreamMeter(GENERATE, show_usage=False)
    [shown] = translated(meter.feed(chunk(delta={"content": "x"}) + event))[1:]
    assert (meter.complete, meter.failed) == (True, True)
    assert shown["error"]["code"] == "upstream_error"
    assert "home" not in shown["error"]["message"]
    assert meter.estimate() > 0


@pytest.mark.parametrize("text", ['"error"', '{"error":1}', '"usage":{}', "data: [DONE]\n\n"])
def test_text_that_looks_like_an_error_or_the_end_is_only_text(text):
    meter = StreamMeter(GENERATE, show_usage=False)
    assert translated(meter.feed(chunk(delta={"content": text}))) == [{"response": text}]
    assert not meter.complete


def test_a_null_error_is_none():
    event = b'data: {"choices":[{"delta":{"content":"x"}}],"error":null}\n\n'
    meter = StreamMeter(GENERATE, show_usage=False)
    assert translated(meter.feed(event)) == [{"response": "x"}]
    assert not meter.complete


def test_a_whole_answer_is_the_text_and_what_the_contract_names():
    answer = json.loads(GENERATE.translator(CONTEXT, whole=True)(WHOLE.body))
    choice = json.loads(WHOLE.body)["choices"][0]
    assert answer == {
        "id": "an-id",
        "model": "my-model",
        "response": choice["message"]["content"],
        "finish_reason": choice["finish_reason"],
        "usage": USAGE,
    }


def test_what_a_model_thinks_is_counted_but_not_told():
    thought = json.loads(THOUGHT.body)["choices"][0]["message"]
    assert thought["reasoning"]
    answer = json.loads(GENERATE.translator(CONTEXT, whole=True)(THOUGHT.body))
    assert answer["response"] == thought["content"]
    meter = BodyMeter(GENERATE, THOUGHT.body)
    assert meter.usage is not None
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == THOUGHT.usage


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"choices":[]}',
        b'{"error":{"message":"boom"}}',
        b'{"error":"boom","choices":[{"message":{"content":"x"}}]}',
        b'{"choices":[{"message":{"content":[{"text":"x"}]},"finish_reason":"stop"}]}',
        b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
    ],
)
def test_a_whole_answer_that_cannot_be_translated_is_broken(body):
    assert BodyMeter(GENERATE, body).broken


def test_an_answer_without_a_text_is_an_empty_one():
    body = b'{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}'
    assert not BodyMeter(GENERATE, body).broken
    assert json.loads(GENERATE.translator(CONTEXT, whole=True)(body))["response"] == ""


@pytest.mark.parametrize("content", [b'"some text', b'[{"type":"text","text":"some', b'{"a":"b'])
def test_a_body_that_was_cut_or_is_odd_costs_what_was_there(content):
    body = b'{"choices":[{"message":{"role":"assistant","content":' + content
    assert PartMeter(GENERATE, bytearray(body)).estimate() > 0
