"""What becomes of the tools, calls and parts of a chat, by their type."""

import re
from typing import Any, cast

from gateway.dialects.openai.kinds import (
    CUSTOM,
    FILE,
    free_arguments,
    free_function,
    name_no_arguments,
    read_file,
)
from gateway.dialects.reference import Place
from gateway.dialects.shared import tool_choice
from gateway.dialects.shared.kinds import (
    KEPT,
    Json,
    Kind,
    Kinds,
    described,
    left_out,
    objects,
    place_of,
    translated,
)
from gateway.dialects.shared.texts import text_of


def _function(thing: Json) -> str:
    return "function" if isinstance(thing.get("function"), dict) else ""


def _inner(thing: Json) -> Json:
    inner: Any = thing.get("custom")
    return cast(Json, inner) if isinstance(inner, dict) else {}


def _free_tool(tool: Json) -> list[Json]:
    return [{"type": "function", "function": free_function(_inner(tool))}]


def _free_call(call: Json) -> list[Json]:
    inner = _inner(call)
    function = {"name": inner.get("name"), "arguments": free_arguments(inner)}
    return [{"id": call.get("id"), "type": "function", "function": function}]


def _text(part: Json) -> list[Json]:
    text = text_of(part)
    return [{"type": "text", "text": text}] if text else []


def _file(part: Json) -> list[Json]:
    file: Any = part.get("file")
    text = read_file(cast(Json, file)) if isinstance(file, dict) else ""
    return [{"type": "text", "text": text}] if text else []


def _part_type(part: Json) -> str:
    return next((name for name in ("text", "image_url", "input_audio") if name in part), "")


TOOLS = Kinds(
    "tools",
    "Tools",
    {
        "function": KEPT,
        "custom": translated(CUSTOM, _free_tool),
        **left_out("web_search", "web_search_preview", note="Nobody here runs it."),
    },
    other=translated("Kept if it describes a `function`.", described),
    implied=_function,
    writes_type=True,
)
CALLS = Kinds(
    "tool_calls",
    "Calls of tools in the conversation",
    {"function": KEPT, "custom": translated(CUSTOM, _free_call)},
    implied=_function,
    writes_type=True,
)
PARTS = Kinds(
    "content",
    "Parts of a message",
    {
        "text": KEPT,
        "image_url": KEPT,
        "input_audio": KEPT,
        "refusal": translated("To text.", _text),
        "file": translated(FILE, _file),
    },
    other=translated("Its text is kept, if it has some.", _text),
    implied=_part_type,
    writes_type=True,
)

# Arguments of the function that fills in templates, rather than words for the template: with them
# a caller could bring a template of his own, or stop the server.
_RESERVED = frozenset(
    (
        *("chat_template", "messages", "conversation", "tools", "documents", "tokenize", "padding"),
        *("truncation", "max_length", "return_tensors", "return_dict", "add_generation_prompt"),
        *("continue_final_message", "return_assistant_tokens_mask", "tokenizer_kwargs"),
    )
)
_SWITCH = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_WORD = re.compile(r"[\w .:+-]{0,64}")
_MOST_SWITCHES = 32
FIELDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("parallel_tool_calls", "top_k", "min_p", "reasoning_content"),
        Kind("kept", "For servers that know it."),
    ),
    "chat_template_kwargs": Kind(
        "kept",
        "For servers that know it: switches such as `enable_thinking`. Left out of it is what is "
        "neither a flag, a number nor a short word, and arguments such as `chat_template`.",
    ),
}
PLACES: tuple[Place, ...] = (
    TOOLS.table(),
    CALLS.table(),
    PARTS.table(),
    place_of("`tool_choice`", tool_choice.CHOICES),
    place_of("Fields beyond Ollama's", FIELDS),
)


def tidy(request: Json, left: list[str]) -> None:
    """Make the request one that model servers know. Raises `Refused`."""
    offered = bool(request.get("tools"))
    TOOLS.sift(request, "tools", left)
    for at, message in enumerate(objects(request.get("messages"))):
        if isinstance(message.get("content"), list):
            PARTS.sift(message, "content", left, f"messages[{at}].")
            if not message["content"]:  # Ollama would lose the message, and misplace its calls
                message["content"] = ""
        if message.get("tool_calls"):
            CALLS.sift(message, "tool_calls", left, f"messages[{at}].")
            for call in objects(message["tool_calls"]):
                for function in objects([call.get("function")]):
                    name_no_arguments(function)
        if message.get("reasoning_content") and not message.get("reasoning"):
            message["reasoning"] = message["reasoning_content"]  # Ollama's word for it
    if request.get("tool_choice") is not None or request.get("parallel_tool_calls") is not None:
        tool_choice.settle(request, offered, _forced)
    if request.get("chat_template_kwargs") is not None:
        tidy_switches(request, left)


def _forced(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def tidy_switches(request: Json, left: list[str]) -> None:
    """Keep of `chat_template_kwargs` what can only be a switch of the model's own template."""
    given: Any = request["chat_template_kwargs"]
    if not isinstance(given, dict):
        return
    kept = {name: one for name, one in cast(Json, given).items() if _is_switch(name, one)}
    kept = dict(list(kept.items())[:_MOST_SWITCHES])
    left += [f"chat_template_kwargs.{name}" for name in cast(Json, given) if name not in kept]
    request["chat_template_kwargs"] = kept


def _is_switch(name: str, value: Any) -> bool:
    if name.lower() in _RESERVED or not _SWITCH.fullmatch(name):
        return False
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and bool(_WORD.fullmatch(value))
    )
