"""A schema that would keep the model server busy for minutes is refused, and no honest one is."""

import json
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.shared import schemas
from tests.unit.dialects.tidied import dialect

TEXT = {"type": "string"}
Schema = dict[str, Any]


def an_object(count: int, *, required: int = 0) -> Schema:
    names = [f"a{number}" for number in range(count)]
    return {
        "type": "object",
        "properties": dict.fromkeys(names, TEXT),
        "required": names[:required],
    }


def nested(depth: int) -> Schema:
    schema: Schema = TEXT
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


HUGE = {
    "optional properties": an_object(3_000),
    "just too many of them": an_object(schemas.MOST_OPTIONAL + 1),
    "among required ones": an_object(1_000, required=700),
    "properties": {"anyOf": [an_object(200) for _ in range(20)]},
    "depth": nested(40),
    "depth of choices": {"anyOf": [nested(40)]},
    "definitions": {"$defs": {"x": an_object(3_000)}, "$ref": "#/$defs/x"},
    "bytes": {"const": "x" * 300_000},
    "bytes of names": {"properties": {"x" * 300_000: TEXT}},
}
ONLY_OF_ANSWERS = {
    "choices": {"enum": [f"v{number}" for number in range(1_001)]},
    "alternatives": {"anyOf": [{"const": number} for number in range(257)]},
    "a long text": {"type": "string", "maxLength": 10_000_000},
    "a long list": {"type": "array", "items": TEXT, "minItems": 1e9},
}
HONEST = {
    "none": {},
    "a form": an_object(100, required=10),
    "a wide record": an_object(1_500, required=1_500),
    "six levels": nested(6),
    "choices": {"enum": [f"v{number}" for number in range(600)]},
    "a bounded text": {"type": "string", "maxLength": 50_000},
    "a safe integer": {"type": "integer", "maximum": 2**53 - 1},
    "a property called properties": {"properties": {"properties": TEXT, "required": TEXT}},
    "odd shapes": {"properties": ["x"], "required": "x", "maxLength": "x", "items": True},
}
WAYS = {
    "/v1/chat/completions": (
        lambda schema: {
            "response_format": {"type": "json_schema", "json_schema": {"schema": schema}}
        },
        lambda schema: {"type": "function", "function": {"name": "f", "parameters": schema}},
    ),
    "/v1/responses": (
        lambda schema: {"text": {"format": {"type": "json_schema", "name": "x", "schema": schema}}},
        lambda schema: {"type": "function", "name": "f", "parameters": schema},
    ),
    "/v1/messages": (
        lambda schema: {"output_config": {"format": {"type": "json_schema", "schema": schema}}},
        lambda schema: {"name": "f", "input_schema": schema},
    ),
    "/api/chat": (
        lambda schema: {"format": schema},
        lambda schema: {"type": "function", "function": {"name": "f", "parameters": schema}},
    ),
    "/api/generate": (lambda schema: {"format": schema}, None),
}
ANSWERS = list(WAYS)
WITH_TOOLS = [path for path, (_, tool) in WAYS.items() if tool]


def judged(path: str, more: Schema) -> Any:
    body: Schema = {"model": "m", "max_tokens": 9, **more}
    body |= {
        "/v1/responses": {"input": "x"},
        "/api/generate": {"prompt": "x"},
    }.get(path, {"messages": [{"role": "user", "content": "x"}]})
    return dialect(path).sanitise(json.dumps(body).encode())


@pytest.mark.parametrize("name", HUGE | ONLY_OF_ANSWERS)
@pytest.mark.parametrize("path", ANSWERS)
def test_a_huge_schema_of_the_answer_is_refused_by_name(path: str, name: str):
    found = judged(path, WAYS[path][0]((HUGE | ONLY_OF_ANSWERS)[name]))
    assert isinstance(found, Refusal)
    assert (found.reason, found.kind.status) == ("invalid_request", 400)
    assert found.param and found.param in found.message


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("path", WITH_TOOLS)
def test_a_tool_with_a_huge_one_is_refused(path: str, name: str):
    tool: Any = WAYS[path][1]
    found = judged(path, {"tools": [tool(TEXT), tool(HUGE[name])]})
    assert isinstance(found, Refusal)
    assert (found.reason, found.param) == ("invalid_request", "tools")


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("path", ANSWERS)
def test_what_programs_send_passes(path: str, name: str):
    form, tool = WAYS[path]
    assert not isinstance(judged(path, form(HONEST[name])), Refusal)
    if tool:
        assert not isinstance(judged(path, {"tools": [tool(HONEST[name])]}), Refusal)


@pytest.mark.parametrize("path", WITH_TOOLS)
def test_two_hundred_tools_of_an_agent_pass_and_a_flood_of_them_does_not(path: str):
    tool: Any = WAYS[path][1]
    honest = [tool(an_object(30, required=3)) for _ in range(200)]
    assert not isinstance(judged(path, {"tools": honest}), Refusal)
    flood = [tool(an_object(200)) for _ in range(101)]
    assert isinstance(judged(path, {"tools": flood}), Refusal)
    choices = ONLY_OF_ANSWERS["choices"]  # time zones, say
    assert not isinstance(judged(path, {"tools": [tool(choices)]}), Refusal)
