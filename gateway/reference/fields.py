"""The fields of a shape as a table: JSON Schema in words."""

from typing import Any

from gateway.reference.markdown import link, table

Json = dict[str, Any]

_BEYOND = 2**53  # bounds that only say "a 64-bit integer" are not shown


def shape(name: str, schema: Json) -> str:
    """A section of the page: what it is, and its fields."""
    text = schema.get("description")
    return "\n\n".join(filter(None, (f"### {name}", text, fields(schema))))


def fields(schema: Json) -> str:
    required = schema.get("required", ())
    rows: list[tuple[str, str, str]] = []
    for name, field in schema["properties"].items():
        needed = " *required*" if name in required else ""
        meaning = f"{field.get('description', '')} {_bounds(field)}".strip()
        rows.append((f"`{name}`{needed}", kind(field), meaning))
    if any(meaning for _, _, meaning in rows):
        return table(("field", "type", "meaning"), rows)
    return table(("field", "type"), [(name, words) for name, words, _ in rows])


def kind(schema: Json) -> str:
    """The type in words: `string or null`, `list of Message`."""
    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2])
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    if "anyOf" in schema:
        return " or ".join(map(kind, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    return schema.get("format") or schema.get("type") or "anything"


def _bounds(schema: Json) -> str:
    """What a value may be, where that is worth a word."""
    for branch in schema.get("anyOf", [schema]):
        low, high = branch.get("minimum"), branch.get("maximum")
        if low is not None and high is not None and abs(high) < _BEYOND:
            return f"{low:,} to {high:,}."
        if "maxItems" in branch:
            most = branch["maxItems"]
            return f"At most {most} entr{'y' if most == 1 else 'ies'}."
    return ""
