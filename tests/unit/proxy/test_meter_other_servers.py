"""Streams as servers other than Ollama write them, however they are cut up on their way."""

import json
from typing import Any

import pytest

from gateway.dialects.anthropic.messages import MESSAGES
from gateway.dialects.generate import GENERATE
from gateway.dialects.ollama.chat import OLLAMA_CHAT
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.openai.completions import COMPLETIONS
from gateway.dialects.openai.responses import RESPONSES
from gateway.dialects.protocol import Dialect, Usage
from gateway.proxy.meter import StreamMeter

WORD = b'data: {"choices":[{"delta":{"content":"hi"},"text":"hi","finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"text":"","finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
STEPS = pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
OPENAI = pytest.mark.parametrize("dialect", [CHAT, COMPLETIONS, GENERATE], ids=lambda d: d.path)


def usage(**counts: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [], "usage": counts}).encode() + b"\n\n"


def metered(
    dialect: Dialect, stream: bytes, *, step: int = 10_000, foreign: bool = True, show: bool = False
) -> tuple[StreamMeter, bytes]:
    meter = StreamMeter(dialect, show_usage=show, foreign=foreign)
    shown = b""
    for at in range(0, len(stream), step):
        if not meter.complete:
            shown += meter.feed(stream[at : at + step])
    if not meter.complete:
        shown += meter.finish()
    return meter, shown


@OPENAI
@STEPS
def test_an_event_left_open_at_a_clean_end_is_taken_if_it_is_whole(dialect: Dialect, step: int):
    for foreign in (True, False):
        for end in (b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n", b"data: [DONE]\r"):
            meter, shown = metered(dialect, WORD + STOP + end, step=step, foreign=foreign)
            assert meter.complete
            assert shown.endswith(DONE)
    meter, shown = metered(dialect, WORD + b'data: {"choices":[{"del', step=step)
    assert not meter.complete
    assert shown == WORD


@STEPS
def test_so_is_the_last_line_of_ollama_s_own_stream(step: int):
    end = b'{"message":{"content":""},"done":true,"prompt_eval_count":3,"eval_count":2}'
    line = b'{"message":{"content":"hi"},"done":false}\n'
    meter, shown = metered(OLLAMA_CHAT, line + end, step=step, foreign=False)
    assert (meter.complete, meter.usage, shown) == (True, Usage(3, 2), line + end + b"\n")
    assert not metered(OLLAMA_CHAT, line + end[:-1], step=step)[0].complete


@OPENAI
@STEPS
def test_a_clean_end_behind_a_finish_is_whole_for_a_server_that_is_no_ollama(
    dialect: Dialect, step: int
):
    for stream in (WORD + STOP, WORD + STOP + usage(prompt_tokens=3, completion_tokens=2)):
        meter, shown = metered(dialect, stream, step=step)
        assert meter.complete
        assert shown.endswith(DONE)
        assert not metered(dialect, stream, step=step, foreign=False)[0].complete
    assert not metered(dialect, WORD, step=step)[0].complete


def test_text_that_looks_like_a_finish_is_none():
    fooling = json.dumps({"choices": [{"delta": {"content": '"finish_reason":"stop"'}}]})
    assert not metered(CHAT, f"data: {fooling}\n\n".encode())[0].complete


def test_a_message_that_has_stopped_is_whole_too():
    stream = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"a"}}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
        b'"usage":{"input_tokens":3.0,"output_tokens":2,"cache_read_input_tokens":null}}\n\n'
    )
    meter, shown = metered(MESSAGES, stream)
    assert (meter.complete, meter.usage) == (True, Usage(3, 2))
    assert shown == stream + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    assert not metered(MESSAGES, stream.replace(b'"end_turn"', b"null"))[0].complete


def test_a_response_says_itself_that_it_is_whole():
    delta = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta"}\n\n'
    assert not metered(RESPONSES, delta)[0].complete


@STEPS
@pytest.mark.parametrize("dialect", [CHAT, MESSAGES, RESPONSES, OLLAMA_CHAT], ids=lambda d: d.path)
def test_a_byte_order_mark_at_the_head_does_not_reach_the_client(dialect: Dialect, step: int):
    body = b'{"a":"\xef\xbb\xbf"}' if dialect is OLLAMA_CHAT else b'data: {"a":"\xef\xbb\xbf"}'
    stream = body + (dialect.framing.separator if dialect.framing else b"")
    assert metered(dialect, b"\xef\xbb\xbf" + stream, step=step)[1] == stream
    assert metered(dialect, stream, step=step)[1] == stream


@STEPS
def test_lines_for_browsers_do_not_reach_the_client(step: int):
    word = WORD.removeprefix(b"data: ").removesuffix(b"\n\n")
    told = usage(prompt_tokens=3, completion_tokens=2)
    stream = (
        b"retry: 500\n\n" + b"id: 1\nretry: 9\ndata: " + word + b"\nid:2\n\n"
        b"id: 3\n" + told + b"id: 4\n\n" + b"id: 5\n" + DONE
    )
    meter, shown = metered(CHAT, stream, step=step)
    assert shown == WORD + DONE
    assert meter.usage == Usage(3, 2)
    named = b'event: x\ndata: {"id":"id: 7\\nid: 8"}\n\n'
    assert metered(CHAT, named, step=step)[1] == named


@STEPS
def test_an_event_over_two_lines_is_one(step: int):
    stream = (
        b'data: {"choices":[{"index":0,"delta":\ndata: {"content":"hi"}}],\n'
        b'data: "usage":{"prompt_tokens":3,\ndata: "completion_tokens":1}}\n\n' + DONE
    )
    meter, shown = metered(CHAT, stream, step=step)
    assert meter.usage == Usage(3, 1)
    first = shown.partition(b"\n\n")[0]
    assert first.count(b"\n") == 0
    assert json.loads(first.removeprefix(b"data: ")) == {
        "choices": [{"index": 0, "delta": {"content": "hi"}}]
    }


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"prompt_tokens": 3.0, "completion_tokens": 2.0}, Usage(3, 2)),
        ({"prompt_tokens": 3, "completion_tokens": None}, Usage(3, 0)),
        ({"prompt_tokens": None, "completion_tokens": 2}, Usage(0, 2)),
        ({"prompt_tokens": 3, "completion_tokens": 2.5}, None),
        ({"prompt_tokens": -3.0, "completion_tokens": 2}, None),
        ({"prompt_tokens": 1e300, "completion_tokens": 2}, None),
        ({"prompt_tokens": "3", "completion_tokens": 2}, None),
    ],
)
def test_a_count_may_be_a_float_or_null_but_must_be_one(counts: dict[str, Any], told: Any):
    assert metered(CHAT, WORD + usage(**counts) + DONE)[0].usage == told


@OPENAI
def test_choices_may_be_null_where_the_usage_is(dialect: Dialect):
    stream = WORD + b'data: {"choices":null,"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
    meter, shown = metered(dialect, stream + DONE)
    assert meter.usage == Usage(3, 2)
    assert b"usage" not in shown
