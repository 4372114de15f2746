"""The meter says the same of a stream of Ollama's own API however it was cut up, and no text in it
can fool it."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects import all_dialects
from gateway.dialects.ollama.chat import OLLAMA_CHAT
from gateway.dialects.protocol import Usage
from gateway.proxy.meter import BodyMeter, PartMeter, StreamMeter
from tests.support.paths import RECORDINGS

DIALECTS = {one.path: one for one in all_dialects() if one.native and one.framing}
FOOLING = (
    '"done":true',
    '","done":true,"eval_count":1}',
    '"}\n{"done":true,"eval_count":1}\n',
    '{"error":"x"}',
    '\n{"error":"x"}\n',
    "\\",
    '\\"done\\":true',
)


def _recorded(media: str) -> dict[str, tuple[str, bytes]]:
    """Path and body of each recorded 200 of that type on a route that streams."""
    found: dict[str, tuple[str, bytes]] = {}
    for folder in sorted(RECORDINGS.iterdir()):
        meta = json.loads(folder.joinpath("meta.json").read_text("utf-8"))
        right = meta["status"] == 200 and (meta["content_type"] or "").startswith(media)
        if meta["path"] in DIALECTS and right:
            found[folder.name] = meta["path"], folder.joinpath("response.body").read_bytes()
    return found


STREAMS, BODIES = _recorded("application/x-ndjson"), _recorded("application/json")
every_stream = pytest.mark.parametrize(("path", "stream"), STREAMS.values(), ids=list(STREAMS))
every_body = pytest.mark.parametrize(("path", "body"), BODIES.values(), ids=list(BODIES))


def line(**fields: Any) -> bytes:
    """As Ollama writes it: no spaces."""
    return json.dumps({"model": "m", **fields}, separators=(",", ":")).encode() + b"\n"


def word(text: str, **more: Any) -> bytes:
    return line(message={"role": "assistant", "content": text}, done=False, **more)


def done(prompt: int, completion: int, text: str = "") -> bytes:
    counts = {"prompt_eval_count": prompt, "eval_count": completion}
    told = {name: count for name, count in counts.items() if count}
    return line(message={"role": "assistant", "content": text}, done=True, **told)


def metered(*chunks: bytes, path: str = OLLAMA_CHAT.path) -> tuple[StreamMeter, bytes]:
    """The meter after these chunks, and what the client has been sent."""
    meter = StreamMeter(DIALECTS[path], show_usage=True)
    sent = [meter.feed(chunk) for chunk in chunks]
    assert all(not part or part.endswith(b"\n") for part in sent), "whole lines only"
    return meter, b"".join(sent)


def said(meter: StreamMeter) -> tuple[Usage | None, bool, bool, int]:
    return meter.usage, meter.complete, meter.failed, meter.estimate()


def reported(text: bytes) -> Usage | None:
    told = json.loads(text)
    usage = Usage(told.get("prompt_eval_count", 0), told.get("eval_count", 0))
    return usage if usage.prompt_tokens or usage.completion_tokens else None


@every_stream
def test_a_recorded_stream_gives_the_same_wherever_it_is_cut_in_two(path, stream):
    whole, _ = metered(stream, path=path)
    for cut in range(len(stream) + 1):
        meter, sent = metered(stream[:cut], stream[cut:], path=path)
        assert (sent, said(meter)) == (stream, said(whole)), cut


@every_stream
@given(points=st.lists(st.integers(0, 2**20), max_size=40))
def test_any_cutting_of_a_recorded_stream_gives_the_same(path, stream, points):
    edges = [0, *sorted(point % (len(stream) + 1) for point in points), len(stream)]
    meter, sent = metered(*(stream[a:b] for a, b in itertools.pairwise(edges)), path=path)
    whole, _ = metered(stream, path=path)
    assert (sent, said(meter)) == (stream, said(whole))


@every_stream
def test_a_recorded_stream_that_comes_byte_by_byte_is_forwarded_as_it_is(path, stream):
    _, sent = metered(*(bytes([byte]) for byte in stream), path=path)
    assert sent == stream


@every_stream
def test_a_recorded_stream_is_counted_from_its_last_line_and_complete_only_with_one(path, stream):
    meter, _ = metered(stream, path=path)
    last = json.loads(stream.splitlines()[-1])
    assert meter.failed is ("error" in last)
    assert meter.complete is bool(last.get("done") or meter.failed)
    assert meter.usage == reported(stream.splitlines()[-1])


@every_stream
def test_a_recorded_stream_that_stops_after_any_byte_is_incomplete_and_never_free(path, stream):
    lines = stream.splitlines(keepends=True)
    for cut in range(len(lines[0]), len(stream) - len(lines[-1]) + 1):
        meter, sent = metered(stream[:cut], path=path)
        assert not meter.complete
        assert meter.estimate() >= sent.count(b"\n") > 0


def test_there_are_streams_of_each_kind_among_the_recordings():
    ends = [json.loads(stream.splitlines()[-1]) for _, stream in STREAMS.values()]
    assert any("error" in end for end in ends)
    assert any(end.get("done") is False for end in ends)
    assert sum(end.get("done") is True for end in ends) >= 5


@every_body
def test_a_recorded_whole_answer_is_counted_as_reported(path, body):
    meter = BodyMeter(DIALECTS[path], body)
    told = json.loads(body)
    read = told.get("done_reason") not in {"load", "unload"} and "_debug_info" not in told
    counts = reported(body) if read else Usage(0, 0)
    assert (meter.usage, meter.broken) == (counts, False)
    assert meter.complete is bool(told.get("done") or not read)
    text = told.get("response", "") + told.get("message", {}).get("content", "")
    assert meter.estimate() >= len(text.encode()) // 4


@every_body
def test_a_recorded_whole_answer_that_is_cut_is_estimated_by_what_of_its_text_came(path, body):
    meter = BodyMeter(DIALECTS[path], body)
    last = 0
    for cut in range(len(body)):
        seen = PartMeter(DIALECTS[path], bytearray(body[:cut])).estimate()
        assert seen >= last
        last = seen
        if cut:
            assert BodyMeter(DIALECTS[path], body[:cut]).broken
    assert last >= meter.estimate()


@pytest.mark.parametrize("text", FOOLING)
def test_text_that_looks_like_the_end_or_an_error_is_only_text(text):
    stream = word(text) + word("after")
    meter, sent = metered(stream)
    assert (sent, *said(meter)[:3]) == (stream, None, False, False)
    arguments = {"done": True, "error": text, "eval_count": 9}
    calls = [{"function": {"name": "f", "arguments": arguments}}]
    called = line(message={"content": "", "tool_calls": calls}, done=False)
    assert b'"done":true' in called
    meter, sent = metered(called + done(5, 6))
    assert sent == called + done(5, 6)
    assert said(meter)[:3] == (Usage(5, 6), True, False)


@given(st.lists(st.sampled_from(FOOLING) | st.text(), min_size=1, max_size=6))
def test_no_text_changes_what_is_reported(texts):
    stream = b"".join(map(word, texts)) + done(7, 9)
    meter, sent = metered(stream)
    assert (sent, meter.usage, meter.complete) == (stream, Usage(7, 9), True)


def test_an_error_is_the_end_and_no_word_of_the_answer():
    words = word("a") + word(" b")
    error = line(error="an error was encountered")
    meter, sent = metered(words + error + done(1, 1))
    assert sent == words + error
    assert said(meter) == (None, True, True, 2)


def test_an_error_before_any_text_costs_nothing():
    meter, _ = metered(line(error="an error was encountered"))
    assert said(meter) == (None, True, True, 0)


def test_an_error_that_says_nothing_is_none():
    assert said(metered(word("a", error=""))[0])[:3] == (None, False, False)


def test_counts_that_are_left_out_are_zero_and_none_at_all_is_no_report():
    assert metered(word("a") + done(16, 0))[0].usage == Usage(16, 0)
    assert metered(word("a") + done(0, 3))[0].usage == Usage(0, 3)
    meter, _ = metered(word("a") + done(0, 0))
    assert (meter.usage, meter.complete, meter.estimate()) == (None, True, 1)


@pytest.mark.parametrize(("told", "count"), [(None, 0), (7.0, 7)])
def test_a_count_may_be_written_as_null_or_as_a_float(told: object, count: int):
    end = line(message={"content": "x" * 40}, done=True, prompt_eval_count=3, eval_count=told)
    assert metered(end)[0].usage == Usage(3, count)
    assert BodyMeter(OLLAMA_CHAT, end).usage == Usage(3, count)


@pytest.mark.parametrize("count", [-5, 2**63, 1.5, "many", [3]])
def test_what_is_no_count_is_no_report_and_still_the_end(count: object):
    end = line(message={"content": "x" * 40}, done=True, prompt_eval_count=3, eval_count=count)
    meter, _ = metered(end)
    assert (meter.usage, meter.complete) == (None, True)
    body = BodyMeter(OLLAMA_CHAT, end)
    assert (body.usage, body.complete, body.broken, body.estimate()) == (None, True, False, 10)


def test_text_in_the_last_line_is_seen_and_its_count_is_the_reported_one():
    assert metered(done(2, 1, "all of it"))[0].usage == Usage(2, 1)


def test_spaces_in_the_end_do_not_hide_it():
    end = b'{"message": {"content": ""}, "done": true, "eval_count": 4}\n'
    assert said(metered(word("a"), end)[0])[:2] == (Usage(0, 4), True)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x" * 400},
        {"thinking": "x" * 400},
        {"tool_calls": [{"function": {"name": "x" * 100, "arguments": {"a": "x" * 292}}}]},
    ],
    ids=lambda message: next(iter(message)),
)
def test_much_text_in_one_line_is_estimated_by_its_length(message):
    big = line(message=message, done=False)
    assert metered(big)[0].estimate() == 100
    assert metered(word("x"), big)[0].estimate() >= 90
    assert BodyMeter(OLLAMA_CHAT, line(message=message, done=False)).estimate() == 100


def test_log_probabilities_are_not_taken_for_text():
    lines = word("word", logprobs=[{"token": "x" * 3000}]) * 10
    assert metered(lines)[0].estimate() <= 20


@pytest.mark.parametrize("junk", [b"", b"null", b"[]", b"\xff", b'{"message":7}', b"{" * 9999])
def test_an_answer_that_is_no_json_breaks_nothing(junk):
    meter = BodyMeter(OLLAMA_CHAT, junk)
    assert meter.usage is None
    assert meter.estimate() >= 0
    odd = b'"done":true' + junk + b"\n"
    stream, sent = metered(odd)
    assert (sent, stream.complete) == (odd, False)
