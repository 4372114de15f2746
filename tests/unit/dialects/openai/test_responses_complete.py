"""What llama.cpp's server leaves out of a stream is filled in, and nothing else changes."""

import json
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.dialects.openai.responses import RESPONSES
from gateway.dialects.protocol import AnswerContext, Sanitised, ToolForm, Translation, Usage
from tests.support.replay import Recording, cases
from tests.support.response_events import Json, written

KINDS = TypeAdapter[ResponseStreamEvent](ResponseStreamEvent)
# What the package wants and its clients do not use.
UNUSED = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": None}
OPENED = {"id": "resp_1", "object": "response", "status": "in_progress"}
THOUGHT = {"id": "rs_1", "summary": [], "type": "reasoning", "encrypted_content": ""}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
CALL = {"call_id": "fc_1", "name": "f", "type": "function_call", "arguments": "{}"}
TEXT = {"type": "output_text", "annotations": [], "logprobs": [], "text": "é"}
THINKING = {"type": "reasoning_text", "text": "x"}
# As llama.cpp's server (xllamacpp 2026.10) writes them.
STREAM: list[Json] = [
    {"type": "response.created", "response": OPENED},
    {"type": "response.in_progress", "response": OPENED},
    {"type": "response.output_item.added", "item": {**THOUGHT, "status": "in_progress"}},
    {"type": "response.reasoning_text.delta", "delta": "x", "item_id": "rs_1"},
    {"type": "response.output_item.added", "item": {**MESSAGE, "status": "in_progress"}},
    {
        "type": "response.content_part.added",
        "item_id": "msg_1",
        "part": {"type": "output_text", "text": ""},
    },
    {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "é"},
    {"type": "response.output_item.added", "item": {**CALL, "status": "in_progress"}},
    {"type": "response.function_call_arguments.delta", "delta": "{}", "item_id": "fc_1"},
    {"type": "response.output_item.done", "item": {**THOUGHT, "content": [THINKING]}},
    {"type": "response.output_text.done", "item_id": "msg_1", "text": "é"},
    {"type": "response.content_part.done", "item_id": "msg_1", "part": TEXT},
    {
        "type": "response.output_item.done",
        "item": {**MESSAGE, "status": "completed", "content": [TEXT]},
    },
    {"type": "response.output_item.done", "item": {**CALL, "status": "completed"}},
    {
        "type": "response.completed",
        "response": {**OPENED, "created_at": 7, "status": "completed", "model": "m", "output": []},
        "timings": {"prompt_ms": 1.50},
    },
]
ABOUT = "response.function_call_arguments"
# With what it leaves out: where a thought begins as a part, and what a call is made with.
WHOLE: list[Json] = [
    *STREAM[:3],
    {
        "type": "response.content_part.added",
        "item_id": "rs_1",
        "part": {"type": "reasoning_text", "text": ""},
    },
    *STREAM[3:13],
    {"type": f"{ABOUT}.done", "item_id": "fc_1", "name": "f", "arguments": "{}"},
    *STREAM[13:],
]
PLACES = [None, None, 0, 0, 0, 1, 1, 1, 2, 2, 0, 1, 1, 1, 2, 2, None]


def translation(forms: dict[str, ToolForm] | None = None, *, whole: bool = False) -> Translation:
    assert RESPONSES.translator
    context = AnswerContext("id", "alias", Usage, forms or {})
    translate = RESPONSES.translator(context, whole=whole)
    assert translate
    return translate


def read(stream: bytes) -> list[Json]:
    found: list[Json] = []
    for event in stream.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def has_all_of(made: Any, told: Any) -> bool:
    """Whether nothing that was told is gone or changed."""
    if isinstance(told, dict):
        return all(has_all_of(made.get(name), value) for name, value in told.items())
    return made == told


@pytest.mark.parametrize("at_once", [True, False])
def test_each_event_of_llama_cpp_is_made_one_that_openai_knows(at_once: bool):
    translate = translation()
    pieces = [STREAM] if at_once else [[one] for one in STREAM]
    made = read(b"".join(translate(written(piece)) for piece in pieces))
    assert [one["sequence_number"] for one in made] == [*range(len(WHOLE))]
    assert [one.get("output_index") for one in made] == PLACES
    for one, told in zip(made, WHOLE, strict=True):
        assert has_all_of(one, told)
        KINDS.validate_python(one | {"response": {**UNUSED, **one.get("response", {})}})
    assert {one.get("content_index") for one in made[3:8]} - {None} == {0}
    first = made[0]["response"]
    assert (first["model"], first["output"]) == ("alias", [])
    assert first["created_at"] == made[1]["response"]["created_at"] > 0
    assert made[8]["item"]["id"] == made[9]["item_id"] == made[15]["item"]["id"]
    assert made[-1] == {"sequence_number": len(WHOLE) - 1, **STREAM[-1]}


def test_a_call_of_llama_cpp_comes_back_in_the_form_of_its_tool_as_well():
    made = read(translation({"f": ToolForm("g", "space")})(written(STREAM)))
    item = made[15]["item"]
    assert (item["name"], item["namespace"], item["id"]) == ("g", "space", "fc_1")
    assert made[14]["name"] == "g"
    assert made[15]["output_index"] == 2


def test_a_call_in_the_whole_answer_has_an_id_the_one_that_its_events_had():
    """Vercel's package takes no call without one, and OpenAI's for Python no other one."""
    answer: Json = {
        **{**OPENED, "status": "completed", "model": "m", "output": [{**CALL, "x": 1.50}]},
        "usage": {"input_tokens": 5, "output_tokens": 7, "input_tokens_details": {"x": 1}},
    }
    called = {"id": "fc_1", **CALL, "x": 1.50}
    usage = {**answer["usage"], "output_tokens_details": {"reasoning_tokens": 0}}
    wanted = {**answer, "output": [called], "usage": usage}
    assert json.loads(translation(whole=True)(json.dumps(answer).encode())) == wanted
    streamed = [*STREAM[:-1], {"type": "response.completed", "response": answer}]
    last = read(translation()(written(streamed)))[-1]["response"]
    assert has_all_of(last, wanted)


def test_the_end_of_a_call_s_arguments_is_told_once():
    told = {"type": f"{ABOUT}.done", "item_id": "fc_1", "arguments": "{}"}
    made = read(translation()(written([*STREAM[:13], told, *STREAM[13:]])))
    assert [one["type"] for one in made] == [one["type"] for one in WHOLE]
    assert "name" not in made[14]


def test_a_stream_that_begins_again_with_each_piece_begins_once(monkeypatch: pytest.MonkeyPatch):
    """As llama.cpp's does where the first token is half a character: OpenAI's package for
    JavaScript forgets what has come, and ends with an error."""
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.5)
    again = [one for piece in STREAM[2:] for one in (piece, *STREAM[:2])]
    made = translation()(written([*STREAM[:2], *again]))
    assert read(made) == read(translation()(written(STREAM)))


def test_signs_of_life_and_errors_between_the_events_stay_as_they_are():
    translate = translation()
    error = b'event: error\ndata: {"error":{"message":"x"}}\n\n'
    assert translate(b": ping\n\n") == b": ping\n\n"
    translate(written(STREAM[:1]))
    assert translate(b": ping\n\n" + error) == b": ping\n\n" + error
    assert translate(b"") == b""


@pytest.mark.parametrize("recording", cases("/v1/responses"))
def test_an_answer_of_ollama_stays_as_it_came_to_the_byte(recording: str):
    found = Recording(recording)
    if not found.streams:
        assert translation(whole=True)(found.body) == found.body
    else:
        translate = translation()
        assert b"".join(map(translate, found.chunks)) == found.body


def test_an_assistants_message_says_that_it_is_one_as_llama_cpp_wants():
    said = [{"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}]
    found = RESPONSES.sanitise(json.dumps({"model": "m", "input": said}).encode())
    assert isinstance(found, Sanitised)
    body = RESPONSES.serialise(found, 9)
    assert isinstance(body, bytes)
    assert json.loads(body)["input"] == [{"type": "message", **said[0]}, said[1]]
