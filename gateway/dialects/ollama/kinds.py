"""What becomes of the tools and fields of Ollama's own requests."""

from typing import Any

from gateway.dialects.ollama import options, privileges
from gateway.dialects.reference import Place
from gateway.dialects.shared.kinds import (
    KEPT,
    Json,
    Kinds,
    described,
    left_out,
    objects,
    translated,
)


def _tool_type(tool: Json) -> str:
    return "function"


TOOLS = Kinds(
    "tools",
    "Tools",
    {"function": KEPT, **left_out("web_search", "web_fetch", note="Nobody here runs it.")},
    other=translated("Kept if it describes a `function`.", described),
    implied=_tool_type,
)
NEEDS = Place(
    "What needs the scope `ollama:native`",
    (
        *(
            (name, "refused without it" if one.needed else "left out without it", "")
            for name, one in privileges.KEPT_BACK.items()
        ),
        ("a request with nothing to read", "answered as a load, without the model", ""),
    ),
)
PLACES: tuple[Place, ...] = (options.place(), NEEDS)
CHAT_PLACES: tuple[Place, ...] = (TOOLS.table(), *PLACES)


def tidy(request: Json, left: list[str]) -> None:
    """Of every request: options within their bounds."""
    options.checked(request, left)


def tidy_chat(request: Json, left: list[str]) -> None:
    """Make the chat one that Ollama knows."""
    options.checked(request, left)
    TOOLS.sift(request, "tools", left)
    for message in objects(request.get("messages")):
        content: Any = message.get("content")
        if content == []:
            message["content"] = ""
