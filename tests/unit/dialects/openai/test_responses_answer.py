"""What the answers of responses say, however they are cut."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.responses import RESPONSES
from gateway.dialects.protocol import Usage
from gateway.proxy.meter import BodyMeter, PartMeter, StreamMeter
from tests.support.replay import Recording, cases

STREAMS = {
    name: recording.body
    for name in cases(RESPONSES.path)
    if (recording := Recording(name)).streams and recording.status == 200
}
USAGES = {"oai-responses-stream": Usage(13, 16), "oai-responses-thinking-stream": Usage(17, 30)}
every_stream = pytest.mark.parametrize("name", STREAMS)


def metered(chunks: list[bytes]) -> tuple[StreamMeter, bytes]:
    meter = StreamMeter(RESPONSES, show_usage=True)
    parts = [meter.feed(chunk) for chunk in chunks]
    assert all(not part or part.endswith(b"\n\n") for part in parts)
    return meter, b"".join(parts)


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def word(text: str) -> bytes:
    return event("response.output_text.delta", delta=text, item_id="msg_1", logprobs=[])


@every_stream
def test_a_recorded_stream_is_counted_as_reported_and_complete_if_it_has_its_end(name):
    meter, shown = metered([STREAMS[name]])
    assert shown == STREAMS[name]
    assert meter.usage == USAGES.get(name)
    assert (meter.complete, meter.failed) == (name in USAGES, False)


@every_stream
def test_a_stream_cut_at_any_byte_is_shown_and_counted_as_far_as_it_came(name):
    stream = STREAMS[name]
    for cut in range(len(stream)):
        meter, shown = metered([stream[:cut]])
        assert stream.startswith(shown)
        assert (meter.complete, meter.usage) == (False, None)
        words = shown.count(b".delta\ndata: ")
        assert words <= meter.estimate() <= 2 * words + 4  # one may have begun


@every_stream
@given(points=st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cutting_gives_the_same(name, points):
    stream = STREAMS[name]
    edges = [0, *sorted(point % (len(stream) + 1) for point in points), len(stream)]
    meter, shown = metered([stream[a:b] for a, b in itertools.pairwise(edges)])
    whole, _ = metered([stream])
    assert shown == stream
    assert (meter.usage, meter.estimate()) == (whole.usage, whole.estimate())


@pytest.mark.parametrize(
    "text",
    [
        'event: response.completed\ndata: {"type":"response.completed"}\n\n',
        '"response.completed"',
        '{"type":"error"}',
        "x.delta\n",
    ],
)
def test_text_that_looks_like_an_event_is_only_text(text):
    stream = event("response.created", response={"instructions": text, "tools": [text]})
    meter, shown = metered([stream + word(text) + word("b")])
    assert shown == stream + word(text) + word("b")
    assert (meter.usage, meter.complete) == (None, False)
    assert 2 <= meter.estimate() <= 2 + len(json.dumps(text))


def test_much_text_in_one_event_is_estimated_by_its_length():
    called = event("response.function_call_arguments.delta", delta="x" * 400)
    meter, _ = metered([event("response.created", response={}) + called])
    assert meter.estimate() == 100


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete"])
def test_nothing_behind_the_end_is_shown_or_counted(kind):
    counts = {"input_tokens": 5, "output_tokens": 6}
    end = event(kind, response={"status": "x", "usage": counts})
    meter, shown = metered([word("a") + end + word("b") + end])
    assert shown == word("a") + end
    assert (meter.usage, meter.complete, meter.failed) == (Usage(5, 6), True, False)


@pytest.mark.parametrize(
    "last",
    [
        event("response.failed", response={"error": {"code": "x", "message": "y"}}),
        event("error", code="x", message="y"),
        b'data: {"error":{"message":"y"}}\n\n',
    ],
)
def test_the_model_server_s_word_that_something_broke_is_the_end_and_no_text(last):
    meter, shown = metered([word("a") + last + word("b")])
    assert shown == word("a") + last
    assert (meter.complete, meter.failed, meter.estimate()) == (True, True, 1)


@pytest.mark.parametrize("count", [-5, 2**63, 1.5, "many"])
def test_what_is_no_count_is_no_report(count):
    usage = {"input_tokens": 3, "output_tokens": count}
    meter, _ = metered([word("a"), event("response.completed", response={"usage": usage})])
    assert (meter.usage, meter.complete) == (None, True)
    assert meter.estimate() > 0


def test_a_whole_answer_is_counted_as_reported_and_one_that_was_cut_by_its_text():
    body = Recording("oai-responses").body
    meter = BodyMeter(RESPONSES, body)
    assert (meter.usage, meter.complete, meter.broken) == (Usage(13, 16), True, False)
    told = json.loads(body)
    told["usage"] = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), 0)
    call = {"type": "function_call", "name": "f" * 4, "arguments": "a" * 8}
    thought = {"type": "reasoning", "summary": [{"text": "t" * 8}], "encrypted_content": "t" * 8}
    told["output"] += [call, thought]
    meter = BodyMeter(RESPONSES, json.dumps(told).encode())
    assert (meter.usage, meter.complete) == (None, False)
    assert meter.estimate() == -(-(len("Name three colours.\n(a)\n(b)\n(c)") + 20) // 4)


def test_a_body_cut_at_any_byte_behind_its_first_text_costs_what_was_there():
    body = Recording("oai-responses").body
    begins = body.index(b'"text":"') + len(b'"text":"')
    for cut in range(len(body)):
        assert (PartMeter(RESPONSES, bytearray(body[:cut])).estimate() > 0) is (cut > begins)


@pytest.mark.parametrize("junk", [b"", b"null", b"[]", b"\xff", b'{"output":7}', b"{" * 9999])
def test_an_answer_that_is_no_response_breaks_nothing(junk):
    meter = BodyMeter(RESPONSES, junk)
    assert meter.usage is None
    assert meter.broken or meter.estimate() > 0
    meter, _ = metered([b"data: " + junk + b"\n\n"])
    assert (meter.usage, meter.complete) == (None, False)


def test_an_error_is_openai_s_event_and_what_its_clients_raise_an_exception_for():
    error = {"message": "m", "type": "api_error", "param": None, "code": "upstream_error"}
    event = RESPONSES.error_event(json.dumps({"error": error}).encode())
    name, data = event.removesuffix(b"\n\n").split(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: ")) == {
        "type": "error",
        "code": "upstream_error",
        "message": "m",
        "param": None,
        "sequence_number": 0,
        "error": error,
    }
