"""The meter says the same of a stream of Anthropic's events however it was cut up."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.anthropic.messages import MESSAGES
from gateway.dialects.protocol import Usage
from gateway.proxy.meter import BodyMeter, PartMeter, StreamMeter
from tests.support.replay import Recording, cases

STREAMS = {
    name: recording.body for name in cases(MESSAGES.path) if (recording := Recording(name)).streams
}
END = b"\n\n"
FOOLING = (
    "event: message_stop",
    '\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    '"message_stop"',
    '"message_delta","usage":{"input_tokens":0,"output_tokens":0}',
    '"content_block_delta"',
    '"type":"error"',
    ": comment",
)


def event(name: str, **fields: Any) -> bytes:
    text = json.dumps({"type": name, **fields}, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()


def start(tokens: int | None = 5, **counts: int) -> bytes:
    usage = {"output_tokens": 0, **counts} | ({} if tokens is None else {"input_tokens": tokens})
    return event("message_start", message={"id": "msg_1", "content": [], "usage": usage})


def delta(kind: str = "text_delta", **text: str) -> bytes:
    return event("content_block_delta", index=0, delta={"type": kind, **text})


def word(text: str) -> bytes:
    return delta(text=text)


def report(**counts: object) -> bytes:
    return event("message_delta", delta={"stop_reason": "end_turn"}, usage=counts)


STOP = event("message_stop")
OPEN = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
CLOSE = event("content_block_stop", index=0)
PING = event("ping")
REPORT = report(input_tokens=16, output_tokens=24)


def metered(chunks: Sequence[bytes]) -> tuple[StreamMeter, bytes]:
    """The meter after these chunks, and what the client has been sent."""
    meter = StreamMeter(MESSAGES, show_usage=True)
    sent = [meter.feed(chunk) for chunk in chunks]
    assert all(not part or part.endswith(END) for part in sent), "whole events only"
    return meter, b"".join(sent)


def said(meter: StreamMeter) -> tuple[Usage | None, bool, bool, int]:
    return meter.usage, meter.complete, meter.failed, meter.estimate()


def cuts(stream: bytes, points: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(stream) + 1) for point in points), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


points = st.lists(st.integers(0, 2**20), max_size=40)
every_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=list(STREAMS))


def test_there_are_recorded_streams():
    assert len(STREAMS) >= 2


@every_stream
@given(points=points)
def test_any_cutting_of_a_recorded_stream_gives_the_same(stream: bytes, points: list[int]):
    whole, whole_sent = metered([stream])
    meter, sent = metered(cuts(stream, points))
    assert sent == whole_sent == stream
    assert said(meter) == said(whole)


@every_stream
def test_a_recorded_stream_cut_at_every_byte_is_complete_only_at_its_end(stream: bytes):
    stop = stream.rindex(b"event: message_stop")
    reported = stream.index(END, stream.index(b"event: message_delta")) + len(END)
    first = stream.index(END, stream.index(b"event: content_block_delta")) + len(END)
    for cut in range(len(stream) + 1):
        meter, sent = metered([stream[:cut]])
        assert sent == stream[: stream.rfind(END, 0, cut) + 2 if END in stream[:cut] else 0]
        assert meter.complete is (cut == len(stream) > stop)
        assert (meter.usage is not None) is (cut >= reported)
        assert meter.estimate() > 0 or cut < first
        assert meter.estimate() <= max(1, cut - first) or cut >= first


@every_stream
def test_a_recorded_stream_is_counted_by_its_report_never_by_its_start(stream: bytes):
    data = [json.loads(one.partition(b"data: ")[2]) for one in stream.split(END) if one]
    told = next(one["usage"] for one in data if one["type"] == "message_delta")
    guessed = data[0]["message"]["usage"]["input_tokens"]
    meter, _ = metered([stream])
    assert meter.usage == Usage(told["input_tokens"], told["output_tokens"])
    assert guessed != told["input_tokens"]


@every_stream
def test_an_estimate_of_a_recorded_stream_is_near_its_tokens(stream: bytes):
    meter, _ = metered([stream])
    assert meter.usage is not None
    produced = meter.usage.completion_tokens
    assert produced <= meter.estimate() <= produced + 2


def test_a_report_that_leaves_the_prompt_out_is_completed_by_the_start():
    """llama-server counts in earnest before the text, apart from what its cache spared it."""
    begun = start(5, cache_read_input_tokens=7)
    meter, _ = metered([begun + OPEN + word("hi") + report(output_tokens=3) + STOP])
    assert meter.usage == Usage(12, 3)


def test_the_start_alone_is_no_report():
    meter, _ = metered([start(5) + OPEN + word("hi")])
    assert meter.usage is None
    assert meter.estimate() == 1


def test_what_a_cache_spared_is_part_of_the_prompt():
    told = report(
        input_tokens=5, cache_read_input_tokens=7, cache_creation_input_tokens=2, output_tokens=3
    )
    assert metered([start(1) + told + STOP])[0].usage == Usage(14, 3)
    counts = {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 3}
    assert BodyMeter(MESSAGES, body([], usage=counts)).usage == Usage(12, 3)
    nulls = {"input_tokens": 5, "cache_read_input_tokens": None, "output_tokens": 3}
    assert BodyMeter(MESSAGES, body([], usage=nulls)).usage == Usage(5, 3)


@pytest.mark.parametrize("text", FOOLING)
def test_text_that_looks_like_the_end_or_like_usage_is_only_text(text: str):
    exchange = delta("input_json_delta", partial_json=json.dumps({text: text}))
    opened = event("content_block_start", content_block={"type": "tool_use", "name": text})
    stream = start() + OPEN + word(text) + CLOSE + opened + exchange + word("after")
    meter, sent = metered([stream])
    assert sent == stream
    assert said(meter)[:3] == (None, False, False)
    assert meter.estimate() >= 3
    meter, sent = metered([stream + REPORT + STOP])
    assert (meter.usage, meter.complete) == (Usage(16, 24), True)


@given(st.lists(st.sampled_from(FOOLING) | st.text(), min_size=1, max_size=6), points)
def test_no_text_changes_what_is_reported(texts: list[str], points: list[int]):
    stream = start() + OPEN + b"".join(map(word, texts)) + CLOSE + REPORT + STOP
    meter, sent = metered(cuts(stream, points))
    assert sent == stream
    assert (meter.usage, meter.complete) == (Usage(16, 24), True)


def test_what_carries_no_text_is_no_token():
    assert metered([start() + OPEN + PING + CLOSE])[0].estimate() == 0
    alone = metered([word("a"), word(" b")])[0].estimate()
    assert metered([start() + OPEN + PING + word("a") + PING + word(" b") + CLOSE])[
        0
    ].estimate() == (alone)


@pytest.mark.parametrize(
    "one",
    [
        delta(text="x" * 400),
        delta("thinking_delta", thinking="x" * 400),
        delta("input_json_delta", partial_json="x" * 400),
    ],
    ids=["text", "thinking", "call"],
)
def test_much_text_in_one_event_is_estimated_by_its_length(one: bytes):
    assert metered([start() + OPEN + one])[0].estimate() == 100
    assert metered([start() + OPEN + word("x") + one])[0].estimate() >= 90


def test_the_escapes_of_a_call_do_not_hide_the_text_before_it():
    exchange = delta("input_json_delta", partial_json=json.dumps({"a": ["x"] * 100}))
    texts = word("some words of text ") * 100
    assert metered([texts + exchange])[0].estimate() >= 250  # 101 events


def test_an_error_of_the_model_server_s_ends_the_stream_and_is_no_text():
    broken = event("error", error={"type": "api_error", "message": "it broke"})
    meter, sent = metered([start() + OPEN + word("hi") + broken + word("more")])
    assert sent.endswith(broken)
    assert said(meter) == (None, True, True, 1)


def test_nothing_behind_the_end_is_shown_or_counted():
    meter, sent = metered([start() + REPORT + STOP + report(input_tokens=1, output_tokens=1)])
    assert sent == start() + REPORT + STOP
    assert meter.usage == Usage(16, 24)


@pytest.mark.parametrize("count", [-5, 2**63, 1.5, "many", None])
def test_what_is_no_count_is_no_report(count: object):
    meter, _ = metered([word("hi") + report(input_tokens=3, output_tokens=count) + STOP])
    assert meter.usage in {None, Usage(3, 0)}
    assert meter.complete
    assert meter.estimate() > 0


@pytest.mark.parametrize("junk", [b"\xff\n\n", b"event: x\n\n", b'data: ["message_stop"]\n\n'])
def test_bytes_that_are_no_event_are_passed_on_without_an_exception(junk: bytes):
    meter, sent = metered([junk])
    assert sent == junk
    assert said(meter) == (None, False, False, 0)


def body(content: object, **fields: object) -> bytes:
    shape = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    return json.dumps({**shape, "content": content, **fields}).encode()


def test_a_whole_answer_is_counted_as_reported():
    counts = {"input_tokens": 16, "output_tokens": 24}
    meter = BodyMeter(MESSAGES, body([], stop_reason="end_turn", usage=counts))
    assert (meter.usage, meter.complete, meter.broken) == (Usage(16, 24), True, False)


def test_a_whole_answer_that_the_repeat_guard_cut_is_estimated_by_its_text():
    blocks = [
        {"type": "thinking", "thinking": "x" * 8},
        {"type": "text", "text": "é" * 4},
        {"type": "tool_use", "id": "1", "name": "four", "input": {"a": 1}},
    ]
    meter = BodyMeter(MESSAGES, body(blocks, usage={"input_tokens": 0, "output_tokens": 0}))
    assert (meter.usage, meter.complete) == (None, False)
    assert meter.estimate() == -(-(8 + 8 + 4 + len('{"a": 1}')) // 4)


@pytest.mark.parametrize("junk", [b"", b"null", b"[]", b"\xff", b'{"content":7}', b"{" * 9999])
def test_an_answer_that_is_no_json_breaks_nothing(junk: bytes):
    meter = BodyMeter(MESSAGES, junk)
    assert meter.usage is None
    assert meter.broken or meter.estimate() > 0


@pytest.mark.parametrize("name", [name for name in cases("/v1/messages") if name not in STREAMS])
def test_half_of_a_whole_answer_is_estimated_from_where_its_text_begins(name: str):
    recording = Recording(name)
    whole = recording.body
    begins = whole.find(b'"text":"')
    for cut in range(len(whole) + 1):
        estimate = PartMeter(MESSAGES, bytearray(whole[:cut])).estimate()
        assert (estimate > 0) is (0 <= begins < cut - len(b'"text":"'))
