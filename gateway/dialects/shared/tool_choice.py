"""Which tool the model has to call: passed on where it can be, refused where the tool that is
insisted on is not among those that the model gets."""

from collections.abc import Callable
from typing import Any, cast

from gateway.dialects.shared.kinds import Json, Kind, objects, refused, translated
from gateway.dialects.shared.strict_json import Refused

_FORCED = (
    "'tool_choice' insists on a tool that nobody here runs: only functions that the request itself "
    "describes can be called. Leave 'tool_choice' out, or describe the function in 'tools' and run "
    "it yourself."
)
_INSISTS = {"required", "any"}
_NAMED = {"function", "custom", "tool"}

# For the reference: what `settle` makes of each.
CHOICES: dict[str, Kind] = {
    **dict.fromkeys(("auto", "none"), Kind("kept", "Without tools it is left out.")),
    **dict.fromkeys(("required", "any"), Kind("kept", "Refused where every tool was left out.")),
    **dict.fromkeys(
        ("function", "tool"), Kind("kept", "Refused where `tools` does not describe it.")
    ),
    "custom": translated("To the function that the tool becomes.", lambda choice: [choice]),
    "allowed_tools": translated(
        "The other tools are left out, `mode` stays.", lambda choice: [choice]
    ),
    "any other": refused("Nobody here runs such a tool."),
}


def settle(
    request: Json, offered: bool, forced: Callable[[str], Any], word: Callable[[str], Any] = str
) -> None:
    """Make the choice one that can be made. `offered`: tools were described; by now `tools` holds
    those that the model gets. `forced` writes the choice of a function, `word` one such as
    `{"type": "auto"}`, which OpenAI's servers know as the word alone. Raises `Refused`."""
    choice: Any = request.get("tool_choice")
    if not isinstance(choice, str | dict | None):
        return  # the shape refuses it
    if isinstance(choice, dict):
        choice = _allowed(request, cast(Json, choice))
    names = {name_of(tool) for tool in objects(request.get("tools"))}
    kind: Any = cast(Json, choice).get("type") if isinstance(choice, dict) else choice
    kind = kind if isinstance(kind, str) else ""
    if isinstance(choice, dict) and kind in {*_INSISTS, "auto", "none"}:
        choice = word(kind)
    elif isinstance(choice, dict):
        name = name_of(cast(Json, choice))
        if kind not in _NAMED or name not in names:
            raise Refused(_FORCED, "tool_choice")
        choice = forced(name)
    if kind in _INSISTS and offered and not names:
        raise Refused(_FORCED, "tool_choice")
    request["tool_choice"] = choice
    if not names:  # servers refuse both where there is nothing to choose from
        request.pop("tool_choice")
        request.pop("parallel_tool_calls", None)


def _allowed(request: Json, choice: Json) -> Any:
    """`allowed_tools` as what every server knows: fewer tools."""
    if choice.get("type") != "allowed_tools":
        return choice
    inner: Any = choice.get("allowed_tools")
    told = cast(Json, inner) if isinstance(inner, dict) else choice
    names = {name_of(tool) for tool in objects(told.get("tools"))}
    tools = objects(request.get("tools"))
    request["tools"] = [tool for tool in tools if name_of(tool) in names]
    return told.get("mode") or "auto"


def name_of(thing: Json) -> str:
    """The name of a tool, or of the one that a choice names."""
    inner: Any = thing.get("function") or thing.get("custom")
    name: Any = cast(Json, inner).get("name") if isinstance(inner, dict) else thing.get("name")
    return name if isinstance(name, str) else ""
