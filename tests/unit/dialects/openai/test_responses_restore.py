"""Calls come back in the form in which the client declared its tools, and nothing else changes."""

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.dialects.openai.responses import RESPONSES
from gateway.dialects.protocol import AnswerContext, Sanitised, Translation, Usage
from tests.support.replay import Recording, cases
from tests.support.response_events import Json, call, events, response, written

KINDS = TypeAdapter[ResponseStreamEvent](ResponseStreamEvent)
PLAIN = {"type": "function", "name": "shell", "parameters": {"type": "object"}}
FREE = {"type": "custom", "name": "exec", "format": {"type": "text"}}


def function(name: str) -> Json:
    return {**PLAIN, "name": name}


def space(name: str, *tools: Json) -> Json:
    return {"type": "namespace", "name": name, "description": "", "tools": list(tools)}


def sanitised(tools: list[Json], **fields: Any) -> Sanitised:
    asked = {"model": "m", "input": "hi", "tools": tools, **fields}
    found = RESPONSES.sanitise(json.dumps(asked).encode())
    assert isinstance(found, Sanitised)
    return found


def translation(tools: list[Json], *, whole: bool, **fields: Any) -> Translation | None:
    assert RESPONSES.translator
    forms = sanitised(tools, **fields).tool_forms
    return RESPONSES.translator(AnswerContext("id", "m", Usage, forms), whole=whole)


def read(stream: bytes) -> list[Json]:
    """Its events, each of which says twice what it is, and is one that OpenAI's package knows."""
    found: list[Json] = []
    for event in stream.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
        KINDS.validate_python(found[-1] | {"response": _unmetered(found[-1].get("response", {}))})
    return found


def _unmetered(response: Json) -> Json:
    """Without what the package wants and Ollama does not write."""
    return {**response, "usage": None}


def streamed(tools: list[Json], *calls: Json) -> list[Json]:
    translate = translation(tools, whole=False)
    assert translate
    return read(translate(written(events(*calls))))


def whole(tools: list[Json], *calls: Json) -> list[Json]:
    translate = translation(tools, whole=True)
    assert translate
    answer = json.loads(translate(json.dumps(response(*calls)).encode()))
    Response.model_validate(_unmetered(answer))
    assert {**answer, "output": []} == json.loads(json.dumps(response()))
    return answer["output"]


def items(stream: list[Json]) -> list[Json]:
    return [one["item"] for one in stream if one["type"] == "response.output_item.done"]


# What the model calls, and name and namespace of the tool that the client declared.
@pytest.mark.parametrize(
    ("called", "name", "namespace"),
    [
        ("multi_agent_v1.wait_agent", "wait_agent", "multi_agent_v1"),
        ("mcp__my.files__.read.it", "read.it", "mcp__my.files__"),
        ("a.f", "f", "a"),
        ("b.f", "f", "b"),
        ("a.inner.g", "g", "a.inner"),
        ("c.named", "c.named", "c"),
    ],
)
def test_a_call_of_a_function_in_a_namespace_names_both(called: str, name: str, namespace: str):
    tools = [
        PLAIN,
        space("multi_agent_v1", function("spawn_agent"), function("wait_agent")),
        space("mcp__my.files__", function("read.it")),
        space("a", function("f"), space("inner", function("g"))),
        space("b", function("f")),
        space("c", function("c.named")),
    ]
    restored = {**call(called), "name": name, "namespace": namespace}
    assert whole(tools, call(called)) == [restored]
    stream, before = streamed(tools, call(called)), events(call(called))
    assert stream[1]["item"] == {**restored, "arguments": "", "status": "in_progress"}
    assert stream[2:4] == before[2:4]
    assert stream[4]["item"] == restored
    assert stream[5]["response"]["output"] == [restored]
    assert [one["sequence_number"] for one in stream] == [*range(6)]


@pytest.mark.parametrize(
    ("tools", "called", "place"),
    [
        ([FREE], "exec", {}),
        ([space("functions", FREE)], "functions.exec", {"namespace": "functions"}),
    ],
)
def test_a_call_of_a_freeform_tool_has_its_text(tools: list[Json], called: str, place: Json):
    text = 'text("é\n\\");'
    made = call(called, json.dumps({"input": text}))
    restored = {key: value for key, value in made.items() if key != "arguments"}
    restored |= {"type": "custom_tool_call", "name": "exec", "input": text, **place}
    assert whole(tools, made) == [restored]
    stream = streamed(tools, made)
    assert [one["sequence_number"] for one in stream] == [*range(6)]
    assert stream[1]["item"] == {**restored, "input": "", "status": "in_progress"}
    at = {"item_id": "fc_0", "output_index": 0}
    kind = "response.custom_tool_call_input"
    assert stream[2] == {"type": f"{kind}.delta", "delta": text, "sequence_number": 2, **at}
    assert stream[3] == {"type": f"{kind}.done", "input": text, "sequence_number": 3, **at}
    assert stream[4]["item"] == restored
    assert stream[5]["response"]["output"] == [restored]


def test_a_text_in_pieces_is_told_when_all_of_it_is_there_and_calls_may_mingle():
    first, second = call("exec", '{"input":"one"}'), call("exec", '{"input":"two"}', at=1)
    _, added, delta, done, *rest = events(first, second)
    other, piece, last, _, completed = rest[1:]
    pieces = [{**delta, "delta": part} for part in ('{"inp', 'ut":"on', 'e"}')]
    stream = [added, pieces[0], other, *pieces[1:], piece, last, done, completed]
    translate = translation([FREE], whole=False)
    assert translate
    made = [read(translate(written([one]))) for one in stream]
    assert [len(one) for one in made] == [1, 0, 1, 0, 0, 0, 2, 2, 1]
    told = [(one["item_id"], one["delta"]) for event in made for one in event if "delta" in one]
    assert told == [("fc_1", "two"), ("fc_0", "one")]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("no JSON", "no JSON"),
        ('{"code":"x"}', '{"code":"x"}'),
        ('{"input":7}', '{"input":7}'),
        ('{"input":"\\ud800"}', '{"input":"\\ud800"}'),
        ('{"input":"x","more":1}', "x"),
        ("", ""),
    ],
)
def test_arguments_that_are_no_text_reach_a_freeform_tool_as_the_model_wrote_them(
    arguments: str, text: str
):
    made = call("exec", arguments)
    assert whole([FREE], made)[0]["input"] == text
    assert [one["input"] for one in items(streamed([FREE], made))] == [text]


def test_arguments_that_are_an_object_are_read_as_one():
    """Some servers write no string."""
    made = {**call("exec"), "arguments": {"input": "x"}}
    assert whole([FREE], made)[0]["input"] == "x"


TOOLS = [PLAIN, FREE, space("a", function("f"))]
SAID = 'the tool "a.f" is a function_call: {"type":"function_call","name":"a.f"}'


@pytest.mark.parametrize("name", ["shell", "f", "a.g", "A.f", "a", "", "functions.exec"])
def test_a_plain_function_and_a_name_that_the_model_made_up_stay_as_they_are(name: str):
    stream = written(events(call(name)))
    for is_whole, answer in ((False, stream), (True, json.dumps(response(call(name))).encode())):
        translate = translation(TOOLS, whole=is_whole)
        assert translate
        assert translate(answer) == answer


def test_what_is_no_call_stays_as_it_is():
    stream = [
        {"response": {**response(), "tools": [{"name": SAID}]}, "type": "response.created"},
        {"delta": SAID, "item_id": "msg", "type": "response.output_text.delta"},
        {"item": {"type": "message", "name": "a.f", "content": SAID}, "type": "function_call"},
        {"item": call("a.f"), "type": "response.x\n\ndata: y"},
        {"item": SAID, "response": SAID, "type": "response.completed"},
        {"response": {"output": SAID}, "type": "response.completed"},
        {"type": "error", "code": "function_call", "message": SAID},
    ]
    sent = b": function_call\n\n" + written(stream) + b"data: [function_call\n\n"
    translate = translation(TOOLS, whole=False)
    assert translate
    sent = sent.replace(b"event: response.x\n\ndata: y\n", b"")
    assert translate(sent) == sent


def test_other_fields_stay_to_the_byte():
    more = b'"x":1.50,"y":[12345678901234567890123, 1e5],"z":{"type": "message"}'
    item = b'{"type":"function_call","name":"%s",' + more
    answer = b'{"output":[%s},{"type": "message"}],' + more + b"}"
    translate = translation(TOOLS, whole=True)
    assert translate
    restored = item % b"f" + b',"namespace":"a"'
    assert translate(answer % (item % b"a.f")) == answer % restored


def test_events_as_other_servers_write_them_are_understood():
    """Data over two lines; no name, id or index; ids that are those of the call."""
    made = {**call("exec", '{"input":"x"}'), "caller": {"type": "direct"}}
    del made["id"]
    added = json.dumps({"type": "response.output_item.added", "item": made}, indent=1)
    place = {"item_id": made["call_id"], "name": "exec"}
    delta = {"type": "response.function_call_arguments.delta", "delta": "{", **place}
    done = {"type": "response.function_call_arguments.done", "arguments": "x", **place}
    lines = [f"data: {line}" for line in added.split("\n")]
    events = ["\n".join(lines), f"data: {json.dumps(delta)}", f"data:{json.dumps(done)}", ""]
    translate = translation([FREE], whole=False)
    assert translate
    told = translate("\n\n".join(events).encode()).decode().split("\n\n")[:-1]
    assert all(one.count("\n") == 1 for one in told)
    names = [one.split("\n")[0].removeprefix("event: response.") for one in told]
    assert names == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
    ]


def test_a_request_without_such_tools_has_its_answer_passed_on_untouched():
    stream = written(events(call("shell")))
    body = json.dumps(response(call("shell"))).encode()
    for tools in ([], [PLAIN], [{"type": "web_search"}], [space("a")]):
        assert sanitised(tools).tool_forms == {}
        for whole, answer in ((True, body), (False, stream)):
            translate = translation(tools, whole=whole)
            assert translate
            assert translate(answer) == answer


@pytest.mark.parametrize("name", cases(RESPONSES.path))
def test_recorded_answers_without_a_call_stay_to_the_byte(name: str):
    recording = Recording(name)
    translate = translation(TOOLS, whole=not recording.streams)
    assert translate
    end = recording.body.rfind(b"\n\n") + 2 if recording.streams else None
    assert translate(recording.body[:end]) == recording.body[:end]


def test_tools_that_come_with_the_input_have_their_form_too():
    added = {"type": "additional_tools", "tools": [space("functions", FREE)]}
    translate = translation([PLAIN], whole=True, input=[added, {"role": "user", "content": "hi"}])
    assert translate
    made = call("functions.exec", '{"input":"x"}')
    [item] = json.loads(translate(json.dumps(response(made)).encode()))["output"]
    assert (item["type"], item["namespace"], item["input"]) == (
        "custom_tool_call",
        "functions",
        "x",
    )


def test_of_two_tools_that_get_one_name_the_first_is_meant():
    first, second = space("a", function("b.f")), space("a.b", function("f"))
    assert whole([first, second], call("a.b.f"))[0]["namespace"] == "a"
    assert whole([second, first], call("a.b.f"))[0]["namespace"] == "a.b"
    plain = [function("a.f"), space("a", function("f"), FREE)]
    assert "a.f" not in sanitised(plain).tool_forms


@pytest.mark.parametrize("name", ["a.f", "exec"])
def test_a_restored_call_in_the_history_is_the_call_that_the_model_made(name: str):
    made = call(name, '{"input":"x"}')
    [restored] = whole(TOOLS, made)
    [item] = sanitised(TOOLS, input=[restored]).parsed.input
    assert (item.type, item.name, item.call_id) == ("function_call", name, "call_0")
    assert item.arguments == made["arguments"]
