"""The end of a stream says what its prompt cost, and nothing else changes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from anthropic.types import Message

from gateway.dialects.anthropic.messages import MESSAGES
from gateway.dialects.protocol import AnswerContext, Sanitised, Translation, Usage
from tests.support.replay import Recording, cases

Json = dict[str, Any]
PROMPT = {"cache_read_input_tokens": 2, "input_tokens": 5}


def translation(usage: Callable[[], Usage] = Usage) -> Translation:
    assert MESSAGES.translator
    context = AnswerContext("id", "m", usage, {})
    assert MESSAGES.translator(context, whole=True) is None
    translate = MESSAGES.translator(context, whole=False)
    assert translate
    return translate


def written(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def begun(**usage: int) -> bytes:
    return written("message_start", message={"id": "1", "usage": {**usage, "output_tokens": 0}})


def ended(**usage: int) -> bytes:
    return written("message_delta", delta={"stop_reason": "end_turn"}, usage=usage)


def text(said: str) -> bytes:
    return written("content_block_delta", index=0, delta={"type": "text_delta", "text": said})


STOP = written("message_stop")


@pytest.mark.parametrize("at_once", [True, False])
def test_the_end_of_llama_cpp_s_stream_says_what_its_beginning_said_of_the_prompt(at_once: bool):
    pieces = [begun(**PROMPT), text("hi"), ended(output_tokens=3) + STOP]
    translate = translation()
    made = [translate(one) for one in ([b"".join(pieces)] if at_once else pieces)]
    *before, delta, stop, _ = b"".join(made).split(b"\n\n")
    assert b"\n\n".join([*before, b""]) == pieces[0] + pieces[1]
    assert stop + b"\n\n" == STOP
    name, data = delta.split(b"\n")
    assert name == b"event: message_delta"
    told: Json = json.loads(data.removeprefix(b"data: "))
    assert told["usage"] == {**PROMPT, "output_tokens": 3}
    assert told["delta"] == {"stop_reason": "end_turn"}


def test_an_end_that_says_it_itself_is_believed_and_stays_to_the_byte():
    stream = begun(input_tokens=5) + text('{"type":"message_delta"}') + ended(input_tokens=9) + STOP
    assert translation()(stream) == stream


def test_nothing_is_made_up_where_the_beginning_said_nothing():
    odd = b": ping\n\n" + written("message_delta", usage=None) + b'data: ["message_delta"\n\n'
    stream = begun() + odd + ended(output_tokens=3)
    assert translation()(stream) == stream
    assert translation()(b"") == b""


def test_a_message_whose_beginning_was_left_out_has_one_and_says_what_its_prompt_cost():
    """As llama.cpp's where the first token is half a character: Anthropic's packages take no
    stream without it."""
    charged = Usage(4)
    translate = translation(lambda: charged)
    ping = b": ping\n\n" + written("ping")
    assert translate(ping) == ping
    first = text("\U0001fae8")
    made = translate(first)
    assert made.endswith(first)
    start: Json = json.loads(made.removesuffix(first).split(b"data: ")[1])
    assert made.startswith(b"event: message_start\n")
    Message.model_validate(start["message"])
    assert start["message"]["model"] == "m"
    assert start["message"]["usage"] == {"input_tokens": 4, "output_tokens": 0}
    charged = Usage(5, 3)  # the model server's counts are there by now
    assert translate(text("hi")) == text("hi")
    last = json.loads(translate(ended(output_tokens=3)).split(b"data: ")[1])
    assert last["usage"] == {"input_tokens": 5, "output_tokens": 3}


def test_an_error_in_place_of_a_message_has_no_message_before_it():
    error = written("error", error={"type": "api_error", "message": "x"})
    assert translation()(error) == error


def test_a_call_begins_with_an_input():
    """Without one, a call without arguments has none at its end, in Anthropic's packages."""
    call = {"type": "tool_use", "id": "1", "name": "f"}
    translate = translation()
    translate(begun(**PROMPT))
    made = translate(written("content_block_start", index=0, content_block=call))
    told = json.loads(made.split(b"data: ")[1])
    assert told["content_block"] == {**call, "input": {}}
    has_one = written("content_block_start", index=0, content_block={**call, "input": {"a": 1}})
    assert translate(has_one) == has_one


@pytest.mark.parametrize(
    ("stops", "named", "reason"),
    [(["x", "y"], "y", "stop_sequence"), (["x"], "<|end|>", "end_turn"), ([""], None, "end_turn")],
)
def test_an_answer_that_a_text_of_the_client_s_ended_says_so(
    stops: list[str], named: str | None, reason: str
):
    """llama.cpp names the text and calls it the end of a turn, as where its template's ended it."""
    assert MESSAGES.translator
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    found = MESSAGES.sanitise(json.dumps({**asked, "stop_sequences": stops}).encode())
    assert isinstance(found, Sanitised)
    context = AnswerContext("id", "m", Usage, {}, found.stops)
    end = {"stop_reason": "end_turn", "stop_sequence": named}
    whole = MESSAGES.translator(context, whole=True)
    assert whole
    body = json.dumps({"content": [], **end}).encode()
    assert json.loads(whole(body)) == {"content": [], **end, "stop_reason": reason}
    assert (whole(body) == body) == (reason == "end_turn")
    translate = MESSAGES.translator(context, whole=False)
    assert translate
    last = written("message_delta", delta=end, usage={"output_tokens": 3})
    told = json.loads(translate(begun(**PROMPT) + last).split(b"data: ")[-1])
    assert told["delta"] == {"stop_reason": reason, "stop_sequence": named}
    assert told["usage"] == {**PROMPT, "output_tokens": 3}


@pytest.mark.parametrize("name", cases(MESSAGES.path))
def test_a_stream_of_ollama_stays_as_it_came_to_the_byte(name: str):
    recording = Recording(name)
    if recording.streams:
        translate = translation()
        assert b"".join(map(translate, recording.chunks)) == recording.body
