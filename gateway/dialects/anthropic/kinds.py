"""What becomes of the tools and blocks of a request to messages, by their type."""

from typing import Any, cast

from gateway.dialects.reference import Place
from gateway.dialects.shared import tool_choice
from gateway.dialects.shared.kinds import (
    KEPT,
    Json,
    Kinds,
    left_out,
    objects,
    place_of,
    translated,
)
from gateway.dialects.shared.strict_json import Refused
from gateway.dialects.shared.texts import text_of

_NOT_FETCHED = (
    "A source of the type '{}' cannot be used here: nothing is fetched for a request, and no file "
    "is kept. Send the data itself, as 'base64' or 'text'."
)
_TEXT = "Its text is kept, if it has some."


def _text(block: Json) -> list[Json]:
    text = text_of(block)
    return [{"type": "text", "text": text}] if text else []


def _image(block: Json) -> list[Json]:
    _source_type(block, {"base64"})
    return [block]


def _document(block: Json) -> list[Json]:
    kind = _source_type(block, {"base64", "text", "content"})
    return [block] if kind == "base64" else _text(block)


def _source_type(block: Json, taken: set[str]) -> str:
    """The type of its source. Raises `Refused` for one that would have to be fetched."""
    source: Any = block.get("source")
    kind: Any = cast(Json, source).get("type") if isinstance(source, dict) else ""
    if isinstance(source, dict) and kind not in taken:
        raise Refused(_NOT_FETCHED.format(str(kind)[:40]), "source.type")
    return kind


def _tool_type(tool: Json) -> str:
    return "custom"


def _block_type(block: Json) -> str:
    return "text" if "text" in block else ""


TOOLS = Kinds(
    "tools",
    "Tools",
    {
        "custom": KEPT,
        # For readers: a type ends with its date, so `other` decides.
        **left_out(
            *("web_search_…", "web_fetch_…", "code_execution_…", "tool_search_tool_…"),
            *("mcp_toolset", "advisor_…"),
            note="A server would run it itself.",
        ),
        **left_out(
            *("bash_…", "text_editor_…", "computer_…", "memory_…"),
            note="Models here are not trained to call it: describe it with `input_schema`.",
        ),
    },
    implied=_tool_type,
)
_READABLE = {
    "text": KEPT,
    "image": translated("`base64` is kept; a URL or a file's id is refused.", _image),
    "document": translated(
        "Text becomes a text block, `base64` is kept; a URL or a file's id is refused.", _document
    ),
    "search_result": translated("To text: its title, its source and what it says.", _text),
    "tool_reference": translated("To text: the name of the tool.", _text),
}
RESULTS = Kinds(
    "content",
    "Blocks in the result of a tool",
    _READABLE,
    other=translated(_TEXT, _text),
    implied=_block_type,
    writes_type=True,
)
BLOCKS = Kinds(
    "content",
    "Blocks of a message",
    {
        **_READABLE,
        "tool_use": KEPT,
        "tool_result": KEPT,
        "thinking": KEPT,
        "redacted_thinking": KEPT,
        **dict.fromkeys(
            (
                *("web_search_tool_result", "web_fetch_tool_result", "mcp_tool_result"),
                *("code_execution_tool_result", "bash_code_execution_tool_result"),
                *("text_editor_code_execution_tool_result", "tool_search_tool_result"),
                "compaction",
            ),
            translated(_TEXT, _text),
        ),
        **left_out("server_tool_use", "mcp_tool_use", note="A server ran it itself."),
        **left_out("container_upload", note="No file is kept here."),
    },
    other=translated(_TEXT, _text),
    implied=_block_type,
    writes_type=True,
)
SYSTEM = Kinds(
    "system",
    "Blocks of `system`",
    {"text": KEPT},
    other=translated(_TEXT, _text),
    implied=_block_type,
    writes_type=True,
)
PLACES: tuple[Place, ...] = (
    TOOLS.table(),
    BLOCKS.table(),
    RESULTS.table(),
    SYSTEM.table(),
    place_of("`tool_choice`", tool_choice.CHOICES),
)


def tidy(request: Json, left: list[str]) -> None:
    """Make the request one that model servers know. Raises `Refused`."""
    offered = bool(request.get("tools"))
    TOOLS.sift(request, "tools", left)
    SYSTEM.sift(request, "system", left)
    for at, message in enumerate(objects(request.get("messages"))):
        within = f"messages[{at}]."
        BLOCKS.sift(message, "content", left, within)
        for number, block in enumerate(objects(message.get("content"))):
            if block.get("type") == "tool_result":
                RESULTS.sift(block, "content", left, f"{within}content[{number}].")
        if message.get("content") == []:
            message["content"] = ""
    choice: Any = request.get("tool_choice")
    if choice is not None:
        tool_choice.settle(request, offered, lambda _: choice, lambda _: choice)
    _tidy_format(request)


def _tidy_format(request: Json) -> None:
    """`output_format` is what the format was called before it stood in `output_config`."""
    form: Any = request.pop("output_format", None)
    config: Any = request.get("output_config") or {}
    if isinstance(form, dict) and isinstance(config, dict):
        request["output_config"] = {"format": form, **cast(Json, config)}
