"""The fields of a shape as a table: JSON Schema in words."""

from typing import Any

from gateway.reference.html import Child, Html, join, link, prose, table, tag

Json = dict[str, Any]

_BEYOND = 2**53  # bounds that only say "a 64-bit integer" are not shown


def schema_section(name: str, schema: Json) -> Html:
    text = schema.get("description")
    return tag(
        "article",
        tag("h3", link(f"#{name}", name)),
        tag("p", prose(text)) if text else None,
        fields(schema),
        id=name,
        class_="schema",
    )


def fields(schema: Json) -> Html:
    required = schema.get("required", ())
    rows: list[tuple[Child, ...]] = []
    for name, field in schema["properties"].items():
        needed = tag("span", "required", class_="needed") if name in required else None
        meaning = prose(f"{field.get('description', '')} {_bounds(field)}".strip())
        rows.append((join(tag("code", name), " ", needed), kind(field), meaning))
    if any(meaning for _, _, meaning in rows):
        return table(("field", "type", "meaning"), rows)
    return table(("field", "type"), [(name, words) for name, words, _ in rows])


def kind(schema: Json) -> Html:
    """The type in words: `string or null`, `list of Message`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return link(f"#{name}", name)
    if "anyOf" in schema:
        kinds = [kind(one) for one in schema["anyOf"]]
        return join(kinds[0], *(join(" or ", one) for one in kinds[1:]))
    if "enum" in schema:
        values = [tag("code", str(value)) for value in schema["enum"]]
        return join(values[0], *(join(" or ", one) for one in values[1:]))
    if schema.get("type") == "array":
        return join("list of ", kind(schema["items"]))
    return join(schema.get("format") or schema.get("type") or "anything")


def _bounds(schema: Json) -> str:
    """What a value may be, where that is worth a word."""
    for branch in schema.get("anyOf", [schema]):
        low, high = branch.get("minimum"), branch.get("maximum")
        if low is not None and high is not None and abs(high) < _BEYOND:
            return f"{low:,} to {high:,}."
        if "maxItems" in branch:
            return f"At most {branch['maxItems']} entries."
    return ""
