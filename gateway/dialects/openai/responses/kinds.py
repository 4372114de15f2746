"""What becomes of the tools, items and parts of a response's request, by their type.

What a server would run itself, fetch or keep is left out, or refused where the answer would be
another one without it. What the client runs stays in the conversation, as calls of functions.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from gateway.dialects.openai.chat.kinds import tidy_switches
from gateway.dialects.openai.kinds import (
    CUSTOM,
    FILE,
    free_arguments,
    free_function,
    name_no_arguments,
    read_file,
)
from gateway.dialects.openai.responses.tool_forms import qualified, tool_forms
from gateway.dialects.protocol import ToolForm
from gateway.dialects.reference import Place
from gateway.dialects.shared import tool_choice
from gateway.dialects.shared.kinds import (
    KEPT,
    Json,
    Kind,
    Kinds,
    left_out,
    objects,
    place_of,
    refused,
    translated,
)
from gateway.dialects.shared.texts import text_of

_SERVERS = "A server would run it itself."
_RESTORED = "A call of one comes back in the form that it was declared in."
_CLIENTS = "To a call of a function, or its result: the client ran it."
_KEPT_HERE = (
    "Nothing is kept here, so an 'item_reference' or a file's id cannot be looked up. Send the "
    "whole items as 'input' (in the AI SDK: 'store: false')."
)


def _free_tool(tool: Json) -> list[Json]:
    return [{"type": "function", **free_function(tool)}]


def _free_call(item: Json) -> list[Json]:
    return [_call(item, item.get("name"), free_arguments(item))]


def _own_call(item: Json) -> list[Json]:
    """A call of a tool that the client has built in, such as a shell: what it did is `action`."""
    name = str(item.get("type")).removesuffix("_call")
    done: Any = item.get("action") or item.get("operation") or {}
    arguments = cast(Json, done) if isinstance(done, dict) else {}
    return [_call(item, name, msgspec.json.encode(arguments).decode())]


def _call(item: Json, name: Any, arguments: str) -> Json:
    call_id = item.get("call_id") or item.get("id")
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": qualified(item.get("namespace"), name),
        "arguments": arguments,
    }


def _result(item: Json) -> list[Json]:
    output: Any = item.get("output")
    if isinstance(output, list) and not all(
        str(one.get("type")) in PARTS.known for one in objects(cast(list[Any], output))
    ):
        # Of a shell: what it printed, and how it ended.
        output = msgspec.json.encode(output).decode()
    call_id = item.get("call_id") or item.get("id")
    return [{"type": "function_call_output", "call_id": call_id, "output": output}]


def _text(part: Json) -> list[Json]:
    text = text_of(part)
    return [{"type": "output_text", "text": text}] if text else []


def _input_text(part: Json) -> list[Json]:
    text = text_of(part)
    return [{"type": "input_text", "text": text}] if text else []


def _file(part: Json) -> list[Json]:
    text = read_file(part)
    return [{"type": "input_text", "text": text}] if text else []


def _tool_type(tool: Json) -> str:
    return "function" if "parameters" in tool else ""


def _item_type(item: Json) -> str:
    return "message" if item.get("role") else ""


def _part_type(part: Json) -> str:
    return "input_text" if "text" in part else ""


TOOLS = Kinds(
    "tools",
    "Tools",
    {
        "function": KEPT,
        "namespace": Kind(
            "translated",
            "Its functions are kept, as `namespace.function`, which is what Ollama makes of them. "
            + _RESTORED,
        ),
        "custom": translated(f"{CUSTOM} {_RESTORED}", _free_tool),
        **left_out(
            *("web_search", "web_search_preview", "file_search", "code_interpreter"),
            *("image_generation", "mcp", "tool_search", "programmatic_tool_calling"),
            note=_SERVERS,
        ),
        **left_out(
            *("local_shell", "shell", "apply_patch", "computer", "computer_use_preview"),
            note="Models here are not trained to call it: describe a function.",
        ),
    },
    implied=_tool_type,
    writes_type=True,
)
ITEMS = Kinds(
    "input",
    "Items of the conversation",
    {
        "message": KEPT,
        "function_call": KEPT,
        "function_call_output": KEPT,
        "reasoning": KEPT,
        "custom_tool_call": translated(CUSTOM, _free_call),
        "custom_tool_call_output": translated("To the result of that function.", _result),
        **dict.fromkeys(
            ("local_shell_call", "shell_call", "apply_patch_call"), translated(_CLIENTS, _own_call)
        ),
        **dict.fromkeys(
            ("local_shell_call_output", "shell_call_output", "apply_patch_call_output"),
            translated(_CLIENTS, _result),
        ),
        **dict.fromkeys(
            ("additional_tools", "tool_search_output"),
            Kind("translated", "Its tools are added to `tools`."),
        ),
        "item_reference": refused(_KEPT_HERE),
        **left_out(
            *("web_search_call", "file_search_call", "code_interpreter_call", "program"),
            *("image_generation_call", "tool_search_call", "program_output", "mcp_call"),
            *("mcp_list_tools", "mcp_approval_request", "mcp_approval_response"),
            note=_SERVERS,
        ),
        **left_out("computer_call", "computer_call_output", note="Pictures of a screen."),
        **left_out("compaction", "compaction_trigger", note="Only OpenAI can read it."),
    },
    implied=_item_type,
)
PARTS = Kinds(
    "content",
    "Parts of a message, and of a function's result",
    {
        "input_text": KEPT,
        "output_text": KEPT,
        "input_image": KEPT,
        "reasoning_text": KEPT,
        "refusal": translated("To text.", _text),
        **dict.fromkeys(("text", "summary_text"), translated("To text.", _input_text)),
        "input_file": translated(FILE, _file),
        **left_out("input_audio", "computer_screenshot", "encrypted_content"),
    },
    other=translated("Its text is kept, if it has some.", _input_text),
    implied=_part_type,
    writes_type=True,
)
PLACES: tuple[Place, ...] = (
    TOOLS.table(),
    ITEMS.table(),
    PARTS.table(),
    place_of("`tool_choice`", tool_choice.CHOICES),
)
_MORE_TOOLS = {"additional_tools", "tool_search_output"}


def tidy(request: Json, left: list[str]) -> dict[str, ToolForm]:
    """Make the request one that model servers know. Raises `Refused`."""
    items = objects(request.get("input"))
    more = [
        tool for item in items if str(item.get("type")) in _MORE_TOOLS for tool in _tools_of(item)
    ]
    if more:
        request["tools"] = [*_tools_of(request), *more]
    offered = bool(request.get("tools"))
    forms = tool_forms(request.get("tools"))
    if any(tool.get("type") == "namespace" for tool in objects(request.get("tools"))):
        request["tools"] = list(_out_of_namespaces(_tools_of(request)))
    TOOLS.sift(request, "tools", left)
    found: list[str] = []
    ITEMS.sift(request, "input", found)
    left += [one for one in found if one.removeprefix("input.") not in _MORE_TOOLS]
    for at, item in enumerate(objects(request.get("input"))):
        if item.get("role") == "assistant" and not item.get("type"):
            item["type"] = "message"  # llama.cpp needs it here, and nowhere else
        if item.get("type") == "function_call":
            name_no_arguments(item)
        for field in ("content", "output"):
            PARTS.sift(item, field, left, f"input[{at}].")
            if item.get(field) == []:
                item[field] = ""
        if "namespace" in item:
            item["name"] = qualified(item["namespace"], item.get("name"))
    _tidy_choice(request, offered)
    if request.get("chat_template_kwargs") is not None:
        tidy_switches(request, left)
    return forms


def _out_of_namespaces(tools: list[Any]) -> Iterator[Any]:
    """The tools with those of namespaces in place of these, at any depth. Raises `Refused`."""
    for tool in tools:
        if not isinstance(tool, dict) or cast(Json, tool).get("type") != "namespace":
            yield tool
            continue
        space = cast(Json, tool)
        for inner in _out_of_namespaces(list(objects(space.get("tools")))):
            yield {**inner, "name": qualified(space.get("name"), inner.get("name"))}


def _tools_of(holder: Json) -> list[Any]:
    tools: Any = holder.get("tools")
    return cast(list[Any], tools) if isinstance(tools, list) else []


def _tidy_choice(request: Json, offered: bool) -> None:
    choice: Any = request.get("tool_choice")
    if choice is None and request.get("parallel_tool_calls") is None:
        return
    if isinstance(choice, dict) and "namespace" in choice:
        named = cast(Json, choice)
        request["tool_choice"] = {
            **named,
            "name": qualified(named["namespace"], named.get("name")),
        }
    tool_choice.settle(request, offered, lambda name: {"type": "function", "name": name})
