"""One route of docs/api.md: what it takes, an example, what it answers."""

import json
from typing import Any, cast

from gateway.core.error_kinds import KINDS
from gateway.dialects.reference import EXAMPLE_MODEL, Place
from gateway.reference.commands import curl
from gateway.reference.fields import fields, kind
from gateway.reference.markdown import code, link, listed, prose, table
from gateway.reference.refusals import by_status
from gateway.reference.route import ANYWHERE, HOLDER, JSON, OWNER, SITE, Content, Route

ADDRESS = "http://127.0.0.1:8000"
_WIDTH = 88  # characters of a line of JSON


def route_section(route: Route, schemas: dict[str, Any]) -> str:
    parts = [f"### {route.method} {route.path}", f"**{route.summary}.** {_needs(route)}".strip()]
    if route.text:
        parts.append(prose(route.text))
    if route.parameters:
        rows = [(f"`{one.name}`", kind(one.schema), one.text) for one in route.parameters]
        parts += ["#### Parameters", table(("name", "type", "meaning"), rows)]
    if route.body:
        parts += ["#### Body", fields(schemas[route.body.__name__])]
    parts += map(_place, route.places)
    command = curl(route, ADDRESS, EXAMPLE_MODEL)
    parts += ["#### Example", code(command, "sh"), *_samples(route), "#### Answers"]
    return "\n\n".join((*parts, _answers(route)))


def _place(place: Place) -> str:
    """What becomes of each type that can stand there; types that fare alike share a row."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, fate, note in place.rows:
        alike.setdefault((fate, note), []).append(name)
    rows = [(_named(names), fate, note) for (fate, note), names in alike.items()]
    return f"#### {place.title}\n\n" + table(("type", "what becomes of it", "note"), rows)


def _named(names: list[str]) -> str:
    return ", ".join(name if " " in name else f"`{name}`" for name in names)


def _needs(route: Route) -> str:
    if route.who == OWNER:
        return "Needs the [admin secret](#keys)."
    if route.who == SITE:
        return "Needs an [API key](#keys) with visitors by token."
    if route.who != HOLDER:
        return ""
    scope = f" with the scope `{route.scope}`" if route.scope else ""
    counted = " It [counts](#metering)." if route.metered else ""
    return f"Needs an [API key](#keys){scope}.{counted}"


def _answers(route: Route) -> str:
    """What each status holds; of refusals the codes, which the table of errors explains."""
    shown = ", ".join(map(_shape, route.answer))
    rows = [(f"`{route.status}`", shown), *((f"`{status}`", text) for status, text in route.also)]
    for status, reasons in by_status((*route.refusals, *ANYWHERE)).items():
        codes = list(dict.fromkeys(KINDS[reason].code for reason in reasons))
        if status not in dict(route.also):
            rows.append((f"`{status}`", listed(codes)))
    return table(("status", "holds"), rows)


def _shape(content: Content) -> str:
    if isinstance(content.shape, type):
        return link(content.shape.__name__)
    return f"`{content.media}`"


def _samples(route: Route) -> list[str]:
    """Example answers."""
    found: list[str] = []
    for content in route.answer:
        if content.example is None:
            continue
        text = content.example if isinstance(content.example, str) else _json(content.example)
        language = "json" if content.media == JSON else "text"
        found += [f"Answer as `{content.media}`:", code(text, language)]
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
