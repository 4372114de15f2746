"""A stream of chat says at its beginning who speaks, and nothing else changes."""

import json
from typing import Any

import pytest

from gateway.dialects.openai.chat import CHAT
from gateway.dialects.protocol import AnswerContext, Translation, Usage
from tests.support.replay import Recording, cases


def translation() -> Translation:
    assert CHAT.translator
    context = AnswerContext("id", "m", Usage, {})
    assert CHAT.translator(context, whole=True) is None
    translate = CHAT.translator(context, whole=False)
    assert translate
    return translate


def chunk(**delta: Any) -> bytes:
    choice = {"finish_reason": None, "index": 0, "delta": delta}
    return f"data: {json.dumps({'choices': [choice], 'created': 1, 'id': 'x'})}\n\n".encode()


REST = chunk(content=" ok") + b"data: [DONE]\n\n"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_stream_of_llama_cpp_that_begins_with_half_a_character_says_who_speaks(at_once: bool):
    """Without it OpenAI's package for JavaScript ends with an error."""
    pieces = [b": ping\n\n", chunk(content="\U0001fae8"), REST]
    translate = translation()
    made = b"".join(map(translate, [b"".join(pieces)] if at_once else pieces))
    assert made.startswith(pieces[0])
    assert made.endswith(REST)
    told = json.loads(made.split(b"\n\n")[1].removeprefix(b"data: "))
    [choice] = told.pop("choices")
    assert told == {"created": 1, "id": "x"}
    assert choice["delta"] == {"role": "assistant", "content": "\U0001fae8"}


@pytest.mark.parametrize("first", [chunk(role="assistant"), b'data: {"choices":[{"x": 1}]}\n\n'])
def test_a_stream_that_says_it_or_is_none_stays_to_the_byte(first: bytes):
    assert translation()(first + REST) == first + REST
    assert translation()(b"") == b""


@pytest.mark.parametrize("name", cases(CHAT.path))
def test_a_stream_of_ollama_stays_as_it_came_to_the_byte(name: str):
    recording = Recording(name)
    if recording.streams:
        translate = translation()
        assert b"".join(map(translate, recording.chunks)) == recording.body
