"""A text completion: what it may cost, what goes upstream, and what its answers say."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects.openai.completions import COMPLETIONS
from gateway.dialects.protocol import Sanitised, Usage
from gateway.proxy.meter import BodyMeter, PartMeter, StreamMeter
from tests.support.replay import Recording
from tests.support.requests.completions_stream import ASKED, NO_USAGE, PLAIN

DONE = b"data: [DONE]\n\n"


def sanitise(**fields: Any) -> Sanitised:
    asked = COMPLETIONS.sanitise(json.dumps({"model": "m", "prompt": "hi", **fields}).encode())
    assert isinstance(asked, Sanitised), asked
    return asked


def sent(granted: int = 9, **fields: Any) -> dict[str, Any]:
    body = COMPLETIONS.serialise(sanitise(**fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


def metered(chunks: list[bytes], *, show_usage: bool = False) -> tuple[StreamMeter, bytes]:
    meter = StreamMeter(COMPLETIONS, show_usage=show_usage)
    parts = [meter.feed(chunk) for chunk in chunks]
    assert all(not part or part.endswith(b"\n\n") for part in parts)
    return meter, b"".join(parts)


@given(st.text())
def test_the_prompt_bound_is_the_bytes_of_the_texts_and_32(text):
    size = len(text.encode("utf-8", "surrogatepass"))
    assert sanitise(prompt=text).prompt_bound == size + 32
    assert sanitise(prompt=text, suffix=text).prompt_bound == 2 * size + 32


def test_a_list_of_one_prompt_is_that_prompt_and_of_more_is_refused():
    assert sent(prompt=["hello"])["prompt"] == "hello"
    assert sanitise(prompt=["hello"]).prompt_bytes == 5
    for prompt in (["a", "b"], [], [1, 2], [[1]], 7):
        refusal = COMPLETIONS.sanitise(json.dumps({"model": "m", "prompt": prompt}).encode())
        assert isinstance(refusal, Refusal)
        assert (refusal.kind.status, (refusal.param or "")[:6]) == (400, "prompt")


@pytest.mark.parametrize("cap", [None, 0, -1, -(2**63)])
def test_a_cap_that_ollama_would_take_for_none_is_none_and_the_granted_number_is_sent(cap):
    assert sanitise(max_tokens=cap).max_output is None
    assert sent(granted=4, max_tokens=cap)["max_tokens"] == 4


def test_the_client_s_cap_is_the_most_that_it_gets():
    assert sanitise(max_tokens=5).max_output == 5
    assert sent(granted=3, max_tokens=5)["max_tokens"] == 3


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": True}])
def test_a_stream_is_always_asked_for_its_usage_and_the_client_sees_it_only_if_it_asked(options):
    fields = {"stream": True, "stream_options": options}
    assert sent(**fields)["stream_options"] == {"include_usage": True}
    assert sanitise(**fields).wants_usage is (options == {"include_usage": True})
    assert "stream_options" not in sent(stream=False, stream_options=options)


def test_who_did_not_ask_for_the_usage_sees_the_stream_as_ollama_writes_it_without():
    meter, shown = metered([ASKED])
    assert shown == PLAIN
    assert (meter.usage, meter.complete) == (Usage(14, 8), True)


def test_who_asked_sees_every_usage_and_a_zero_beside_text_is_no_report():
    meter, shown = metered([ASKED], show_usage=True)
    assert shown == ASKED
    assert meter.usage == Usage(14, 8)
    meter, _ = metered([ASKED[: ASKED.rfind(b"data: {")]], show_usage=True)
    assert (meter.usage, meter.complete) == (None, False)


@pytest.mark.parametrize("stream", [ASKED, PLAIN], ids=["asked", "plain"])
@pytest.mark.parametrize("show_usage", [True, False])
def test_a_stream_cut_at_any_byte_is_shown_and_counted_as_far_as_it_came(stream, show_usage):
    _, whole = metered([stream], show_usage=show_usage)
    for cut in range(len(stream)):
        meter, shown = metered([stream[:cut]], show_usage=show_usage)
        assert whole.startswith(shown)
        assert meter.complete is False
        events = stream[:cut].count(b"\n\n")
        if meter.usage:
            assert meter.usage == Usage(14, 8)
        else:
            assert min(events, 8) <= meter.estimate() <= events + 3


@given(st.lists(st.integers(0, len(ASKED)), max_size=30), st.booleans())
def test_any_cutting_gives_the_same(points, show_usage):
    edges = [0, *sorted(points), len(ASKED)]
    chunks = [ASKED[a:b] for a, b in itertools.pairwise(edges)]
    meter, shown = metered(chunks, show_usage=show_usage)
    whole, all_shown = metered([ASKED], show_usage=show_usage)
    assert shown == all_shown
    assert (meter.usage, meter.estimate()) == (whole.usage, whole.estimate())


@pytest.mark.parametrize("text", [NO_USAGE.decode(), '"usage":{}}', "data: [DONE]\n\n", "[DONE]"])
def test_text_that_looks_like_usage_or_the_end_is_only_text(text):
    event = b"data: " + json.dumps({"choices": [{"text": text, "index": 0}]}).encode() + b"\n\n"
    meter, shown = metered([event])
    assert shown == event
    assert (meter.usage, meter.complete) == (None, False)
    assert meter.estimate() >= len(text) // 4


def test_usage_beside_text_is_counted_and_the_text_is_never_hidden():
    """llama-server writes it so."""
    event = b'data: {"choices":[{"text":"x"}],"usage":{"prompt_tokens":4,"completion_tokens":2}}'
    meter, shown = metered([event + b"\n\n" + DONE])
    assert shown == event.partition(b',"usage"')[0] + b"}\n\n" + DONE
    assert meter.usage == Usage(4, 2)


def test_a_whole_answer_is_counted_as_reported_and_one_that_was_cut_by_its_text():
    body = Recording("oai-completions").body
    meter = BodyMeter(COMPLETIONS, body)
    assert (meter.usage, meter.complete, meter.broken) == (Usage(14, 8), True, False)
    guarded = body.replace(b'"length"', b"null")
    for count in (b'"prompt_tokens":14', b'"completion_tokens":8', b'"total_tokens":22'):
        guarded = guarded.replace(count, count.partition(b":")[0] + b":0")
    meter = BodyMeter(COMPLETIONS, guarded)
    assert (meter.usage, meter.complete) == (None, False)
    assert meter.estimate() == -(-len("The capital of France is devenue\nThe") // 4)


def test_a_body_cut_at_any_byte_behind_its_first_text_costs_what_was_there():
    body = Recording("oai-completions").body
    begins = body.index(b'"text":"') + len(b'"text":"')
    for cut in range(len(body)):
        estimate = PartMeter(COMPLETIONS, bytearray(body[:cut])).estimate()
        assert (estimate > 0) is (cut > begins)


@pytest.mark.parametrize("junk", [b"", b"null", b"[]", b"\xff", b'{"choices":7}', b"{" * 9999])
def test_an_answer_that_is_no_completion_breaks_nothing(junk):
    meter = BodyMeter(COMPLETIONS, junk)
    assert meter.usage is None
    assert meter.broken or meter.estimate() > 0
