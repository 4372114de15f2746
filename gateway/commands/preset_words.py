"""How variables and parameters of a preset are written on the command line."""

import json
import re
from collections.abc import Sequence
from typing import Any

import click

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)", re.ASCII)


def variables_of(written: Sequence[str]) -> dict[str, Any]:
    """`product:80`, `count:1..9` and `tone:red|blue` in the words of JSON Schema."""
    found: dict[str, Any] = {}
    for one in written:
        name, colon, bounds = one.partition(":")
        if not colon or not bounds or name in found:
            raise click.BadParameter(
                f"{one!r} should be a name and bounds, such as product:80, count:1..9 or "
                "tone:friendly|formal, each name once.",
                param_hint="--variable",
            )
        found[name.strip()] = _schema(bounds.strip())
    return found


def parameters_of(written: Sequence[str]) -> dict[str, Any]:
    """`seed=7` and the like; the value is JSON."""
    found: dict[str, Any] = {}
    for one in written:
        name, _, value = one.partition("=")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            raise click.BadParameter(
                f"{one!r} should be a name and JSON, such as seed=7.", param_hint="--parameter"
            ) from None
    return found


def shown_variable(name: str, schema: dict[str, Any]) -> str:
    """As it is written."""
    if "enum" in schema:
        return f"{name}:{'|'.join(schema['enum'])}"
    if schema["type"] == "string":
        return f"{name}:{schema['maxLength']}"
    return f"{name}:{schema['minimum']}..{schema['maximum']}"


def _schema(bounds: str) -> dict[str, Any]:
    if re.fullmatch(r"\d{1,9}", bounds, re.ASCII):
        return {"type": "string", "maxLength": int(bounds)}
    found = _RANGE.fullmatch(bounds)
    if found:
        whole = "." not in found[1] + found[2]
        least, most = (int(text) if whole else float(text) for text in found.groups())
        return {"type": "integer" if whole else "number", "minimum": least, "maximum": most}
    return {"enum": [choice.strip() for choice in bounds.split("|")]}
