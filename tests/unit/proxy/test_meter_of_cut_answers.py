"""Nothing that was generated is free, however it was cut, framed or escaped."""

import json
from typing import Any

import pytest

from gateway.dialects import all_dialects
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.protocol import Dialect
from gateway.proxy.meter import BodyMeter, StreamMeter

BY_PATH = {dialect.path: dialect for dialect in all_dialects()}
LONG = json.dumps({f"k{number}": "v" for number in range(1000)})  # about 3,000 tokens


def chat(**delta: Any) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def called(arguments: str) -> bytes:
    function = {"name": "f", "arguments": arguments}
    return chat(content="", tool_calls=[{"index": 0, "function": function}])


def response(**fields: Any) -> bytes:
    data = {"type": "response.function_call_arguments.delta", **fields}
    compact = json.dumps(data, separators=(",", ":")).encode()
    return b"event: %s\ndata: %s\n\n" % (data["type"].encode(), compact)


def metered(dialect: Dialect, *chunks: bytes) -> StreamMeter:
    meter = StreamMeter(dialect, show_usage=True)
    for chunk in chunks:
        meter.feed(chunk)
    return meter


@pytest.mark.parametrize("behind", [b"", chat(content="")])
def test_a_tool_call_that_came_in_one_event_full_of_escapes_is_counted(behind: bytes):
    words = [chat(reasoning=" wo") for _ in range(5)]
    meter = metered(CHAT, *words, called(LONG) + behind)
    assert len(LONG) / 8 < meter.estimate() < len(LONG)


def test_a_response_s_tool_call_in_one_event_is_counted():
    words = [response(delta=" wo") for _ in range(5)]
    meter = metered(BY_PATH["/v1/responses"], *words, response(delta=LONG))
    assert len(LONG) / 8 < meter.estimate() < len(LONG)


@pytest.mark.parametrize("text", ["\n" * 4000, "\u4f60" * 2000])
def test_a_text_of_escapes_in_one_event_is_counted(text: str):
    assert metered(CHAT, chat(content=text), chat(content="")).estimate() > 900


def test_an_event_that_was_cut_before_its_end_is_counted():
    whole = called(LONG)
    meter = metered(CHAT, chat(content="a"), whole[: len(whole) // 2])
    assert meter.estimate() > len(LONG) / 2 / 8
    assert metered(CHAT, whole[:-2]).estimate() > len(LONG) / 8


def test_what_follows_a_text_within_its_event_was_not_generated():
    event = chat(content="four")
    meter = metered(CHAT, event[:-1])
    assert meter.estimate() == 1


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_that_end_their_lines_with_cr_lf_or_cr_are_understood(size: int, end: bytes):
    usage = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    plain = chat(content="a") + chat(content="b")
    plain += b"data: " + json.dumps(usage).encode() + b"\n\n" + b"data: [DONE]\n\n"
    stream = plain.replace(b"\n", end)
    meter = StreamMeter(CHAT, show_usage=True)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    shown = b"".join(meter.feed(part) for chunk in chunks for part in (chunk, b""))
    assert shown == plain
    assert meter.complete
    assert meter.usage is not None
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (5, 2)


def test_an_end_that_is_written_without_a_space_is_one():
    meter = metered(CHAT, chat(content="a") + b"data:[DONE]\n\n")
    assert meter.complete


def test_a_report_that_says_nothing_was_generated_beside_a_text_is_doubted():
    usage = {"prompt_tokens": 9, "completion_tokens": 0}
    chunk = {"choices": [{"index": 0, "delta": {"content": "word " * 100}}], "usage": usage}
    meter = metered(CHAT, b"data: " + json.dumps(chunk).encode() + b"\n\n")
    assert meter.usage is not None
    assert meter.text() >= 400
    choice = {"index": 0, "message": {"content": "word " * 100}, "finish_reason": "stop"}
    body = BodyMeter(CHAT, json.dumps({"choices": [choice], "usage": usage}).encode())
    assert body.text() == 500


@pytest.mark.parametrize("path", [path for path in BY_PATH if not path.startswith("/v1/models")])
def test_an_error_that_comes_as_a_200_is_no_answer(path: str):
    body = b'{"error":{"message":"boom","type":"api_error"}}'
    if path == "/v1/messages":
        body = b'{"type":"error","error":{"type":"api_error","message":"boom"}}'
    if path.startswith("/api/"):
        body = b'{"error":"boom"}'
    assert BodyMeter(BY_PATH[path], body).broken


@pytest.mark.parametrize(
    "content", [[{"type": "text", "text": "x" * 400}], {"text": "x" * 400}], ids=["parts", "object"]
)
def test_a_text_in_another_shape_is_counted(content: object):
    choice = {"index": 0, "message": {"content": content}, "finish_reason": "stop"}
    meter = BodyMeter(CHAT, json.dumps({"choices": [choice]}).encode())
    assert not meter.broken
    assert meter.estimate() >= 100


PULSE = b": still here\n\n"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/generate"])
@pytest.mark.parametrize(
    "around",
    [lambda e: [PULSE, *e, PULSE], lambda e: [x for one in e for x in (PULSE, one, PULSE)]],
    ids=["first and last", "between all"],
)
def test_signs_of_life_of_the_model_server_are_no_tokens(path: str, around: Any):
    words = [chat(role="assistant", content=" word") for _ in range(50)]
    plain = metered(BY_PATH[path], *words).estimate()
    assert metered(BY_PATH[path], *around(words)).estimate() == plain
    assert metered(BY_PATH[path], b"".join(around(words))).estimate() == plain


def test_a_stream_of_nothing_but_signs_of_life_is_free():
    assert metered(CHAT, PULSE, PULSE * 3, b":\n: two lines\n\n").estimate() == 0


def test_a_comment_within_an_event_does_not_make_its_text_free():
    events = [b": x\n" + chat(content="a"), chat(content="b")[:-1] + b": x\n\n"]
    assert metered(CHAT, *events, chat(content="c")).estimate() == 3


@pytest.mark.parametrize("reports", [[(10, 0), (0, 5)], [(0, 5), (10, 0)], [(9, 1), (10, 5)]])
def test_a_report_in_several_chunks_is_put_together(reports: list[tuple[int, int]]):
    chunks = [
        {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}
        for prompt, completion in reports
    ]
    events = [b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks]
    meter = metered(CHAT, chat(content="a"), *events)
    assert meter.usage is not None
    assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (10, 5)
