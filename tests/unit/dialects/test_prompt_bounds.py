"""Whatever a template prints of a request, in any dialect, is no longer than its prompt's bound."""

import json
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Sanitised

DIALECTS = {one.path: one for one in all_dialects()}
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
OLLAMA = "/api/chat"
MANY = 2000


def sanitise(path: str, **fields: Any) -> Sanitised | Refusal:
    said = {"input": "hi"} if path == RESPONSES else {"messages": [{"role": "user", "content": ""}]}
    body = {"model": "m", "max_tokens": 9, **said, **fields}
    return DIALECTS[path].sanitise(json.dumps(body).encode())


def bound(path: str, **fields: Any) -> int:
    asked = sanitise(path, **fields)
    assert isinstance(asked, Sanitised), asked
    return asked.prompt_bound


def with_tool(path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if path == MESSAGES:
        return {"tools": [{"name": "f", "input_schema": parameters}]}
    function = {"name": "f", "parameters": parameters}
    tool = {**function} if path == RESPONSES else {"function": function}
    return {"tools": [{"type": "function", **tool}]}


def with_call(path: str, arguments: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(arguments, ensure_ascii=False).replace("e+20", "e20")
    if path == RESPONSES:
        item = {"type": "function_call", "call_id": "1", "name": "f", "arguments": text}
        return {"input": [item]}
    if path == MESSAGES:
        block = {"type": "tool_use", "id": "1", "name": "f", "input": arguments}
        return {"messages": [{"role": "assistant", "content": [block]}]}
    called = {"name": "f", "arguments": arguments if path == OLLAMA else text}
    return {"messages": [{"role": "assistant", "tool_calls": [{"function": called}]}]}


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES, OLLAMA])
@pytest.mark.parametrize("place", [with_tool, with_call])
@pytest.mark.parametrize(
    ("value", "in_go"),
    [
        (1e20, "100000000000000000000"),
        ("\u2028", r"\u2028"),
        ("\u2029", r"\u2029"),
        ("\b", r"\u0008"),
        ("\f", r"\u000c"),
        ("<", r"\u003c"),
    ],
)
def test_what_go_prints_longer_than_we_do_counts_at_that_length(
    path: str, place: Any, value: object, in_go: str
) -> None:
    assert bound(path, **place(path, {"enum": [value] * MANY})) >= MANY * len(f"{in_go}, ")


@pytest.mark.parametrize("path", ["/api/generate", OLLAMA])
def test_so_does_a_schema_of_the_answer(path: str) -> None:
    choices = {"anyOf": [{"enum": [1e20] * 500}] * (MANY // 500)}
    assert bound(path, prompt="hi", format=choices) >= MANY * 22


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES, OLLAMA])
def test_a_property_counts_at_the_length_of_the_xml_that_templates_make_of_it(path: str) -> None:
    names = [f"p{number}" for number in range(MANY)]
    qwen3_coder = "".join(f"\n<parameter>\n<name>{name}</name>\n</parameter>" for name in names)
    parts = [{"properties": dict.fromkeys(names[at : at + 200])} for at in range(0, MANY, 200)]
    assert bound(path, **with_tool(path, {"type": "object", "allOf": parts})) >= len(qwen3_coder)
    glm = "".join(f"<arg_key>{name}</arg_key>\n<arg_value>1</arg_value>\n" for name in names)
    assert bound(path, **with_call(path, dict.fromkeys(names, 1))) >= len(glm)


@pytest.mark.parametrize(
    ("path", "choice"),
    [
        (CHAT, lambda text: {"reasoning_effort": text}),
        (CHAT, lambda text: {"reasoning": {"effort": text}}),
        (RESPONSES, lambda text: {"reasoning": {"effort": text}}),
        (RESPONSES, lambda text: {"reasoning": {"summary": text}}),
        (RESPONSES, lambda text: {"reasoning": {"generate_summary": text}}),
        (RESPONSES, lambda text: {"truncation": text}),
        (MESSAGES, lambda text: {"thinking": {"type": text}}),
        (MESSAGES, lambda text: {"output_config": {"effort": text}}),
        (OLLAMA, lambda text: {"think": text}),
    ],
)
def test_a_choice_is_too_short_to_hide_a_prompt_in(path: str, choice: Any) -> None:
    assert isinstance(sanitise(path, **choice("x" * 64)), Sanitised)
    refusal = sanitise(path, **choice("x" * 65))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "invalid_request"


def test_the_name_of_the_tool_to_be_called_is_part_of_the_prompt() -> None:
    tools = [{"name": "n" * MANY}]
    choice = {"type": "tool", "name": "n" * MANY}
    assert bound(MESSAGES, tools=tools, tool_choice=choice) >= bound(MESSAGES, tools=tools) + MANY
