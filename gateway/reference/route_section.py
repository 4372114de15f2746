"""One route of the reference: what it takes, an example, what it answers."""

import json
from typing import Any, cast

from gateway.core.errors import KINDS
from gateway.reference.blocks import Block, Code, Paragraph, Section, Table, listed
from gateway.reference.commands import curl
from gateway.reference.examples import KEY_ID
from gateway.reference.fields import fields, kind
from gateway.reference.refusals import by_status
from gateway.reference.route import ANYWHERE, HOLDER, JSON, OWNER, Content, Route

_WIDTH = 88  # characters of a line of JSON


def route_section(route: Route, schemas: dict[str, Any], model: str) -> Section:
    """`model` stands in the example request."""
    blocks: list[Block] = [Paragraph(f"**{route.summary}.** {_needs(route)}".strip())]
    if route.text:
        blocks.append(Paragraph(route.text))
    if route.parameters:
        rows = tuple((f"`{one.name}`", kind(one.schema), one.text) for one in route.parameters)
        blocks.append(_part("Parameters", Table(("name", "type", "meaning"), rows)))
    if route.body:
        blocks.append(_part("Body", fields(schemas[route.body.__name__])))
    blocks.append(_part("Example", Code(curl(route, model, KEY_ID), "sh"), *_samples(route)))
    blocks.append(_part("Answers", _answers(route)))
    return Section(route.path, route.name, tuple(blocks), route.method)


def _part(title: str, *blocks: Block) -> Section:
    return Section(title, "", blocks)


def _needs(route: Route) -> str:
    if route.who == OWNER:
        return "Needs the [admin secret](#keys)."
    if route.who != HOLDER:
        return ""
    scope = f" with the scope `{route.scope}`" if route.scope else ""
    counted = " It [counts](#metering)." if route.metered else ""
    return f"Needs an [API key](#keys){scope}.{counted}"


def _answers(route: Route) -> Table:
    """What each status holds; of refusals the codes, which the table of errors explains."""
    shown = ", ".join(map(_shape, route.answer))
    rows = [(f"`{route.status}`", shown), *((f"`{status}`", text) for status, text in route.also)]
    for status, reasons in by_status((*route.refusals, *ANYWHERE)).items():
        codes = list(dict.fromkeys(KINDS[reason].code for reason in reasons))
        if status not in dict(route.also):
            rows.append((f"`{status}`", listed(codes)))
    return Table(("status", "holds"), tuple(rows))


def _shape(content: Content) -> str:
    if isinstance(content.shape, type):
        return f"[{content.shape.__name__}](#{content.shape.__name__})"
    return f"`{content.media}`"


def _samples(route: Route) -> list[Code]:
    """Example answers."""
    found: list[Code] = []
    for content in route.answer:
        if content.example is None:
            continue
        text = content.example if isinstance(content.example, str) else _json(content.example)
        language = "json" if content.media == JSON else "text"
        found.append(Code(text, language, f"Answer as `{content.media}`"))
    return found


def _json(value: Any, margin: str = "") -> str:
    """Indented, but in one line what has room there."""
    line = json.dumps(value, ensure_ascii=False)
    if len(margin) + len(line) <= _WIDTH or not value or not isinstance(value, dict | list):
        return line
    inner = f"{margin}  "
    if isinstance(value, dict):
        pairs = cast(dict[str, Any], value).items()
        parts = [f"{json.dumps(key)}: {_json(one, inner)}" for key, one in pairs]
        opened, closed = "{}"
    else:
        parts = [_json(one, inner) for one in cast(list[Any], value)]
        opened, closed = "[]"
    between = f",\n{inner}"
    return f"{opened}\n{inner}{between.join(parts)}\n{margin}{closed}"
