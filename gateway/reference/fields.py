"""The fields of a shape as a table: JSON Schema in words."""

from typing import Any

from gateway.reference.blocks import Block, Paragraph, Section, Table

Json = dict[str, Any]

_BEYOND = 2**53  # bounds that only say "a 64-bit integer" are not shown


def shape_section(name: str, schema: Json) -> Section:
    text = schema.get("description")
    blocks: list[Block] = [Paragraph(text)] if text else []
    return Section(name, name, (*blocks, fields(schema)))


def fields(schema: Json) -> Table:
    required = schema.get("required", ())
    rows: list[tuple[str, str, str]] = []
    for name, field in schema["properties"].items():
        needed = " *required*" if name in required else ""
        meaning = f"{field.get('description', '')} {_bounds(field)}".strip()
        rows.append((f"`{name}`{needed}", kind(field), meaning))
    if any(meaning for _, _, meaning in rows):
        return Table(("field", "type", "meaning"), tuple(rows))
    return Table(("field", "type"), tuple((name, words) for name, words, _ in rows))


def kind(schema: Json) -> str:
    """The type in words: `string or null`, `list of Message`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "anyOf" in schema:
        return " or ".join(map(kind, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
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
