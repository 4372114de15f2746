"""Tools: functions reach the model, whatever else is there; who insists on another is told so."""

from typing import Any

import pytest

from tests.unit.dialects.tidied import (
    CHAT,
    FUNCTION,
    MESSAGES,
    NATIVE,
    RESPONSES,
    SCHEMA,
    refused,
    sent,
    taken,
)

# As the specifications name them, and some that nobody knows.
SERVERS: dict[str, list[str]] = {
    CHAT: ["web_search", "web_search_preview", "", "Function", "x" * 999],
    NATIVE: ["web_search", "web_fetch", "x y"],
    RESPONSES: [
        *("web_search", "web_search_preview", "file_search", "code_interpreter", "local_shell"),
        *("image_generation", "mcp", "tool_search", "computer", "computer_use_preview", "shell"),
        *("apply_patch", "", "Function", "web_search_2025_08_26"),
    ],
    MESSAGES: [
        *("web_search_20250305", "web_fetch_20250910", "code_execution_20250825", "mcp_toolset"),
        *("bash_20250124", "computer_20250124", "text_editor_20250728", "memory_20250818"),
        *("Custom", "web_search_x y"),
    ],
}
EACH = [(path, kind) for path, kinds in SERVERS.items() for kind in kinds]
each_path = pytest.mark.parametrize("path", FUNCTION)
each_openai = pytest.mark.parametrize("path", [CHAT, RESPONSES])


@pytest.mark.parametrize(("path", "kind"), EACH)
def test_a_tool_that_nobody_here_runs_is_left_out_and_named(path: str, kind: str):
    other = {"type": kind, "name": "web_search", "server_url": "http://10.0.0.1"}
    tools = sent(path, tools=[other, FUNCTION[path], other])["tools"]
    assert tools == [FUNCTION[path]]
    assert taken(path, tools=[other]).ignored == [f"tools.{kind or 'untyped'}"]
    assert not sent(path, tools=[other]).get("tools")


@each_path
def test_a_tool_needs_no_type(path: str):
    tool = {key: value for key, value in FUNCTION[path].items() if key != "type"}
    [made] = sent(path, tools=[tool])["tools"]
    assert made.items() >= tool.items()
    assert made.get("type", "function") == "function"
    assert taken(path, tools=[tool]).ignored == []


def test_what_describes_a_function_is_one_whatever_its_type_for_ollama():
    for path in (CHAT, NATIVE):
        tool = {**FUNCTION[path], "type": "tool"}
        assert sent(path, tools=[tool])["tools"] == [FUNCTION[path]]


def test_a_freeform_tool_is_a_function_with_one_text():
    parameters = {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
    }
    free: dict[str, Any] = {"name": "patch", "description": "d", "format": {"type": "grammar"}}
    function = {"name": "patch", "description": "d", "parameters": parameters}
    [made] = sent(RESPONSES, tools=[{"type": "custom", **free}])["tools"]
    assert made == {"type": "function", **function}
    [made] = sent(CHAT, tools=[{"type": "custom", "custom": free}])["tools"]
    assert made == {"type": "function", "function": function}


def test_the_functions_of_a_namespace_are_kept_under_ollama_s_names_at_any_depth():
    inner = {"type": "namespace", "name": "b", "tools": [{**FUNCTION[RESPONSES], "name": "g"}]}
    hosted = {"type": "web_search"}
    space = {"type": "namespace", "name": "a", "tools": [FUNCTION[RESPONSES], inner, hosted]}
    request = sent(RESPONSES, tools=[space])
    assert taken(RESPONSES, tools=[space]).ignored == ["tools.web_search"]
    assert [(one["type"], one["name"]) for one in request["tools"]] == [
        ("function", "a.f"),
        ("function", "a.b.g"),
    ]
    named = {**FUNCTION[RESPONSES], "name": "a.f"}
    [made] = sent(RESPONSES, tools=[{"type": "namespace", "name": "a", "tools": [named]}])["tools"]
    assert made["name"] == "a.f"
    call = {"type": "function_call", "call_id": "1", "name": "f", "namespace": "a"}
    assert sent(RESPONSES, input=[call])["input"][0]["name"] == "a.f"


def test_a_tool_that_comes_with_the_input_is_one_of_the_tools():
    for kind in ("additional_tools", "tool_search_output"):
        item = {"type": kind, "tools": [FUNCTION[RESPONSES], {"type": "web_search"}]}
        request = sent(RESPONSES, input=[item, {"role": "user", "content": "hi"}])
        assert [one["name"] for one in request["tools"]] == ["f"]
        assert len(request["input"]) == 1
        assert taken(RESPONSES, input=[item]).ignored == ["tools.web_search"]


FORCED: dict[str, Any] = {
    CHAT: lambda name: {"type": "function", "function": {"name": name}},
    RESPONSES: lambda name: {"type": "function", "name": name},
    MESSAGES: lambda name: {"type": "tool", "name": name, "disable_parallel_tool_use": True},
}
each_choosing = pytest.mark.parametrize("path", FORCED)


@each_choosing
def test_a_function_that_is_insisted_on_is_passed_on_and_another_refused(path: str):
    tools = [FUNCTION[path]]
    choice = FORCED[path]("f")
    assert sent(path, tools=tools, tool_choice=choice)["tool_choice"] == choice
    for fields in ({"tools": tools}, {"tools": []}, {}):
        refusal = refused(path, tool_choice=FORCED[path]("other"), **fields)
        assert refusal.param == "tool_choice"
        assert "describe the function" in refusal.message


@each_choosing
@pytest.mark.parametrize("kind", ["web_search", "file_search", "mcp", "", "x" * 99, None, []])
def test_a_tool_of_another_kind_that_is_insisted_on_is_refused(path: str, kind: Any):
    tools = [FUNCTION[path], {"type": "web_search", "name": "web_search"}]
    choice = {"type": kind, "name": "web_search"}
    assert refused(path, tools=tools, tool_choice=choice).param == "tool_choice"


@pytest.mark.parametrize(
    ("path", "words"), [(CHAT, "required"), (RESPONSES, "required"), (MESSAGES, {"type": "any"})]
)
def test_to_insist_on_any_tool_needs_one_that_is_left(path: str, words: Any):
    hosted = {"type": "web_search_20250305", "name": "w"}
    assert sent(path, tools=[FUNCTION[path], hosted], tool_choice=words)["tool_choice"] == words
    assert refused(path, tools=[hosted], tool_choice=words).param == "tool_choice"
    assert "tool_choice" not in sent(path, tool_choice=words)


@each_openai
def test_where_there_is_no_tool_nothing_is_said_of_tools(path: str):
    for choice in ("auto", "none", None):
        request = sent(path, tool_choice=choice, parallel_tool_calls=False, tools=[])
        assert not {"tool_choice", "parallel_tool_calls"} & set(request)
    request = sent(path, tools=[FUNCTION[path]], tool_choice="none", parallel_tool_calls=False)
    assert (request["tool_choice"], request["parallel_tool_calls"]) == ("none", False)


@each_openai
@pytest.mark.parametrize("word", ["auto", "none", "required"])
def test_a_word_in_an_object_is_the_word(path: str, word: str):
    request = sent(path, tools=[FUNCTION[path]], tool_choice={"type": word})
    assert request["tool_choice"] == word
    assert "tool_choice" not in sent(path, tool_choice={"type": word})


def test_anthropic_s_choice_stays_an_object():
    for kind in ("auto", "any", "none"):
        choice = {"type": kind}
        request = sent(MESSAGES, tools=[FUNCTION[MESSAGES]], tool_choice=choice)
        assert request["tool_choice"] == choice


@each_openai
def test_of_allowed_tools_the_others_are_left_out(path: str):
    other = {"type": "function", "name": "g", "function": {"name": "g"}, "parameters": SCHEMA}
    allowed = {"mode": "required", "tools": [FORCED[path]("f")]}
    choice: dict[str, Any] = {"type": "allowed_tools", **allowed, "allowed_tools": allowed}
    request = sent(path, tools=[FUNCTION[path], other], tool_choice=choice)
    assert request["tools"] == [FUNCTION[path]]
    assert request["tool_choice"] == "required"


@each_openai
def test_a_freeform_tool_that_is_insisted_on_is_the_function_that_it_became(path: str):
    tool = {"type": "custom", "name": "p", "custom": {"name": "p"}}
    request = sent(path, tools=[tool], tool_choice=tool)
    assert request["tool_choice"] == FORCED[path]("p")


@each_path
def test_tools_that_are_none_are_refused_and_break_nothing(path: str):
    for tools in ("x", 5, [5], [None], [["x"]], {"type": "function"}):
        refused(path, tools=tools)


@pytest.mark.parametrize("none", [{}, {"arguments": None}, {"arguments": ""}])
def test_a_call_without_arguments_comes_back_with_an_empty_object(none: dict[str, Any]):
    """Some models write none, and model servers refuse a conversation with what is no JSON."""
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f", **none}}]}
    [said] = sent(CHAT, messages=[call])["messages"]
    function = {"name": "f", "arguments": "{}"}
    # llama.cpp needs the type as well, which some programs leave out.
    assert said["tool_calls"] == [{"type": "function", "function": function}]
    item = {"type": "function_call", "call_id": "1", "name": "f"}
    assert sent(RESPONSES, input=[{**item, **none}])["input"] == [{**item, "arguments": "{}"}]
