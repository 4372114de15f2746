"""The meter says the same of a stream however it was cut up, and no text in it can fool it."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.chat import CHAT
from gateway.dialects.protocol import Usage
from gateway.proxy.meter import MAX_EVENT, BodyMeter, BrokenStream, StreamMeter
from tests.support.replay import Recording, cases

STREAMS = {
    name: recording.body for name in cases(CHAT.path) if (recording := Recording(name)).streams
}
END = b"\n\n"
DONE = b"data: [DONE]\n\n"
FOOLING = (
    "data: [DONE]",
    "\n\ndata: [DONE]\n\n",
    '"usage"',
    '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
    '\n\ndata: {"choices":[],"usage":{"prompt_tokens":1}}\n\n',
    '"}}],"usage":{"prompt_tokens":0,"completion_tokens":0},"choices":[{"x":"',
    "\r\n\r\n",
    ": comment",
)


def event(**fields: Any) -> bytes:
    text = json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", **fields})
    return f"data: {text}\n\n".encode()


def word(text: str) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])


def usage(prompt: int, completion: int, **fields: Any) -> bytes:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return event(**{"choices": [], "usage": counts, **fields})


def metered(chunks: Sequence[bytes], *, show_usage: bool = True) -> tuple[StreamMeter, bytes]:
    """The meter after these chunks, and what the client has been sent."""
    meter = StreamMeter(CHAT, show_usage=show_usage)
    sent = [meter.feed(chunk) for chunk in chunks]
    assert all(not part or part.endswith(END) for part in sent), "whole events only"
    return meter, b"".join(sent)


def said(meter: StreamMeter) -> tuple[Usage | None, bool, int]:
    return meter.usage, meter.complete, meter.estimate()


def without_usage(stream: bytes) -> bytes:
    events = stream.split(END)
    return END.join(one for one in events if b'"choices":[],"usage"' not in one)


def cuts(stream: bytes, points: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(stream) + 1) for point in points), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


points = st.lists(st.integers(0, 2**20), max_size=40)
every_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=list(STREAMS))


@every_stream
@pytest.mark.parametrize("show_usage", [True, False])
@given(points=points)
def test_any_cutting_of_a_recorded_stream_gives_the_same(stream, show_usage, points):
    whole, whole_sent = metered([stream], show_usage=show_usage)
    meter, sent = metered(cuts(stream, points), show_usage=show_usage)
    assert sent == whole_sent
    assert said(meter) == said(whole)


@every_stream
@pytest.mark.parametrize("show_usage", [True, False])
def test_a_recorded_stream_that_comes_byte_by_byte_is_forwarded_as_it_is(stream, show_usage):
    _, sent = metered([bytes([byte]) for byte in stream], show_usage=show_usage)
    assert sent == (stream if show_usage else without_usage(stream))


@every_stream
def test_a_recorded_stream_is_complete_exactly_when_it_has_its_terminal_event(stream):
    meter, _ = metered([stream])
    assert meter.complete is stream.endswith(DONE)
    assert (meter.usage is not None) is (b'"usage"' in stream)


def test_there_are_streams_of_each_kind_among_the_recordings():
    assert len(STREAMS) >= 12
    assert any(not stream.endswith(DONE) for stream in STREAMS.values())
    assert any(b'"usage"' in stream for stream in STREAMS.values())


@pytest.mark.parametrize("show_usage", [True, False])
def test_the_usage_chunk_is_counted_and_seen_only_by_who_asked(show_usage):
    stream = word("hi") + usage(16, 24) + DONE
    meter, sent = metered([stream], show_usage=show_usage)
    assert meter.usage == Usage(16, 24)
    assert meter.complete
    assert (b'"usage"' in sent) is show_usage
    assert sent.startswith(word("hi"))
    assert sent.endswith(DONE)


def test_usage_beside_text_is_counted_and_the_text_is_never_hidden():
    stream = usage(3, 1, choices=[{"delta": {"content": "x"}}]) + usage(3, 2) + DONE
    meter, sent = metered([stream], show_usage=False)
    assert meter.usage == Usage(3, 2)
    (shown,) = sent.removesuffix(DONE).split(END)[:-1]
    plain = json.loads(event(choices=[{"delta": {"content": "x"}}]).removeprefix(b"data: "))
    assert json.loads(shown.removeprefix(b"data: ")) == plain
    _, asked = metered([stream], show_usage=True)
    assert asked == stream


def test_a_null_usage_beside_text_is_no_report():
    stream = event(choices=[{"delta": {"content": "x"}}], usage=None) + DONE
    meter, sent = metered([stream], show_usage=False)
    assert meter.usage is None
    assert sent == stream


def test_an_error_event_that_speaks_of_usage_reaches_the_client():
    stream = word("hi") + event(error={"message": "broken", "type": "usage", "code": "usage"})
    _, sent = metered([stream], show_usage=False)
    assert sent.endswith(stream[len(word("hi")) :])


def test_a_zero_usage_beside_text_is_no_report():
    meter, _ = metered([word("a") + word(" b") + usage(0, 0) + DONE])
    counted = meter.usage.completion_tokens if meter.usage else meter.estimate()
    assert counted > 0


@pytest.mark.parametrize("text", FOOLING)
@pytest.mark.parametrize("show_usage", [True, False])
def test_text_that_looks_like_the_end_or_like_usage_is_only_text(text, show_usage):
    stream = word(text) + word("after")
    meter, sent = metered([stream], show_usage=show_usage)
    assert sent == stream
    assert (meter.usage, meter.complete) == (None, False)
    tool = {"function": {"name": "usage", "arguments": text}}
    called = event(choices=[{"delta": {"tool_calls": [tool]}}])
    meter, sent = metered([called + usage(5, 6) + DONE], show_usage=show_usage)
    assert sent.startswith(called)
    assert said(meter)[:2] == (Usage(5, 6), True)


@given(st.lists(st.sampled_from(FOOLING) | st.text(), min_size=1, max_size=6), points)
def test_no_text_changes_what_is_reported(texts, points):
    text_events = b"".join(map(word, texts))
    meter, sent = metered(cuts(text_events + usage(7, 9) + DONE, points), show_usage=False)
    assert sent == text_events + DONE
    assert (meter.usage, meter.complete) == (Usage(7, 9), True)


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=6), st.data())
def test_a_stream_cut_anywhere_after_text_is_never_estimated_at_nought(texts, data):
    stream = b"".join(map(word, texts))
    cut = data.draw(st.integers(len(word(texts[0])), len(stream)))
    meter, sent = metered([stream[:cut]])
    assert not meter.complete
    assert meter.estimate() >= sent.count(END) > 0


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x" * 400},
        {"reasoning": "x" * 400},
        {"reasoning_content": "x" * 400},
        {"tool_calls": [{"function": {"name": "x" * 100, "arguments": "x" * 300}}]},
    ],
    ids=lambda delta: next(iter(delta)),
)
def test_much_text_in_one_chunk_is_estimated_by_its_length(delta):
    meter, _ = metered([event(choices=[{"delta": delta}])])
    assert meter.estimate() == 100
    meter, _ = metered([word("x"), event(choices=[{"delta": delta}])])
    assert meter.estimate() >= 90


@every_stream
def test_an_estimate_of_a_recorded_stream_is_near_its_text(stream):
    texts = []
    for one in stream.split(END):
        if one.startswith(b"data: {"):
            for choice in json.loads(one[6:])["choices"]:
                texts.append(json.dumps(choice["delta"].get("tool_calls") or ""))
                texts[-1] = choice["delta"].get("content") or texts[-1].strip('"')
    tokens = sum(1 for text in texts if text)
    meter, _ = metered([stream])
    size = len("".join(texts).encode())
    assert tokens <= meter.estimate() <= max(tokens + 2, size // 2)


def test_the_empty_chunk_that_announces_a_crash_is_no_token():
    words = word("a") + word(" b")
    assert metered([words + word("")])[0].estimate() == metered([words])[0].estimate() == 2


def test_nothing_was_produced_before_the_first_event():
    assert StreamMeter(CHAT, show_usage=True).estimate() == 0
    assert metered([b"data: {"])[0].estimate() == 0


def test_half_an_event_at_the_end_is_held_back():
    _, sent = metered([word("a"), word("b")[:-1]])
    assert sent == word("a")


def test_what_never_ends_an_event_is_no_event_stream():
    meter = StreamMeter(CHAT, show_usage=True)
    with pytest.raises(BrokenStream):
        for _ in range(3):
            meter.feed(b"x" * (MAX_EVENT // 2))


def body(content: object, counts: object = None, **message: object) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}}
    more = {} if counts is None else {"usage": counts}
    return json.dumps({"id": "x", "choices": [choice], **more}).encode()


def test_a_whole_answer_is_counted_as_reported():
    counts = {"prompt_tokens": 16, "completion_tokens": 24, "total_tokens": 40}
    assert BodyMeter(CHAT, body("hi", counts)).usage == Usage(16, 24)


@pytest.mark.parametrize("counts", [None, {"prompt_tokens": 0, "completion_tokens": 0}])
@pytest.mark.parametrize("text", ["x" * 41, "é" * 20 + "x", "😀" * 10 + "x"])
def test_a_whole_answer_without_a_report_is_estimated_by_its_text(counts, text):
    meter = BodyMeter(CHAT, body(text, counts))
    assert meter.usage is None
    assert meter.estimate() == 11


def test_reasoning_and_tool_calls_of_a_whole_answer_are_text_too():
    calls = [{"function": {"name": "f" * 4, "arguments": "a" * 4}}]
    assert BodyMeter(CHAT, body(None, reasoning="r" * 8, tool_calls=calls)).estimate() == 4


@pytest.mark.parametrize("junk", [b"", b"null", b"[]", b"\xff", b'{"choices":7}', b"{" * 9999])
def test_an_answer_that_is_no_json_breaks_nothing(junk):
    meter = BodyMeter(CHAT, junk)
    assert meter.usage is None
    assert meter.estimate() >= 0


@pytest.mark.parametrize("count", [-5, 2**63, 1.5, "many"])
def test_what_is_no_count_is_no_report(count: object):
    usage = json.dumps({"prompt_tokens": 3, "completion_tokens": count}).encode()
    choice = b'{"message":{"content":"some words"},"finish_reason":"stop"}'
    meter = BodyMeter(CHAT, b'{"choices":[' + choice + b'],"usage":' + usage + b"}")
    assert (meter.usage, meter.broken) == (None, False)
    assert meter.estimate() > 0


def test_bytes_that_are_no_text_are_measured_without_an_exception():
    odd = b'data: {"choices":[{"delta":{"content":"\xff"}}],"usage":null}\n\n'
    meter = StreamMeter(CHAT, show_usage=True)
    assert meter.feed(odd) == odd
    assert meter.estimate() == 1
    assert BodyMeter(CHAT, b'{"choices":[{"message":{"content":"\xff"}}]}').broken


def test_nothing_behind_the_end_is_shown_or_counted():
    done = b"data: [DONE]\n\n"
    meter = StreamMeter(CHAT, show_usage=True)
    assert meter.feed(done + b'data: {"usage":{"prompt_tokens":9}}\n\n' + done) == done
    assert (meter.complete, meter.usage) == (True, None)


def test_log_probabilities_are_not_taken_for_text():
    role = b'data: {"choices":[{"delta":{"role":"assistant","content":"a"}}]}\n\n'
    word = b'data: {"choices":[{"delta":{"content":"word"},"logprobs":"%s"}]}\n\n' % (b"x" * 3000)
    meter = StreamMeter(CHAT, show_usage=False)
    meter.feed(role)
    meter.feed(word * 10)
    assert meter.estimate() <= 20
