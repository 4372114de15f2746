"""One route of the reference page: what it takes, an example, what it answers."""

import json
from typing import Any

from gateway.errors import CATALOGUE
from gateway.reference.commands import curl
from gateway.reference.examples import KEY_ID
from gateway.reference.fields import fields, kind
from gateway.reference.html import Child, Html, join, link, prose, table, tag
from gateway.reference.refusals import by_status
from gateway.reference.route import ANYWHERE, HOLDER, OWNER, Route

_WHO = {HOLDER: "needs an API key", OWNER: "needs the admin secret"}


def route_section(route: Route, schemas: dict[str, Any], model: str) -> Html:
    """`model` stands in the example request."""
    needs = tag("span", _WHO[route.who], class_="who") if route.who in _WHO else None
    parts: list[Child] = [
        tag("h3", link(f"#{route.name}", route_title(route))),
        tag("p", tag("strong", f"{route.summary}."), " ", needs),
        tag("p", prose(route.text)) if route.text else None,
    ]
    if route.parameters:
        parts += [tag("h4", "Parameters"), _parameters(route)]
    if route.body:
        parts += [tag("h4", "Body"), fields(schemas[route.body.__name__])]
    parts += [tag("h4", "Example"), code(curl(route, model, KEY_ID)), *_samples(route)]
    parts += [tag("h4", "Answers"), _answers(route)]
    return tag("article", *parts, id=route.name)


def route_title(route: Route) -> Html:
    """Method and path; the path may break after a slash on a narrow screen."""
    method = tag("span", route.method, class_=f"method {route.method.lower()}")
    pieces = (part for name in route.path.split("/")[1:] for part in ("/", Html("<wbr>"), name))
    return join(method, " ", tag("code", *pieces))


def code(text: str) -> Html:
    return tag("pre", tag("code", text.rstrip("\n")))


def _parameters(route: Route) -> Html:
    rows: list[tuple[Child, ...]] = [
        (tag("code", one.name), kind(one.schema), prose(one.text)) for one in route.parameters
    ]
    return table(("name", "type", "meaning"), rows)


def _answers(route: Route) -> Html:
    """What each status holds; of refusals the codes, which the table of errors explains."""
    rows: list[tuple[Child, ...]] = [(_status(route.status), _contents(route))]
    rows += [(_status(status), text) for status, text in route.also]
    for status, reasons in by_status((*route.refusals, *ANYWHERE)).items():
        codes = dict.fromkeys(CATALOGUE[reason].code for reason in reasons)
        if status not in dict(route.also):
            rows.append((_status(status), _listed([tag("code", name) for name in codes])))
    return table(("status", "holds"), rows)


def _contents(route: Route) -> Html:
    shown: list[Child] = []
    for content in route.answer:
        if isinstance(content.shape, type):
            shown.append(link(f"#{content.shape.__name__}", content.shape.__name__))
        else:
            shown.append(tag("code", content.media))
    return _listed(shown)


def _status(number: int) -> Html:
    return tag("code", str(number))


def _listed(items: list[Child]) -> Html:
    return join(items[0], *(join(", ", item) for item in items[1:]))


def _samples(route: Route) -> list[Html]:
    """Example answers, folded away."""
    found: list[Html] = []
    for content in route.answer:
        if content.example is None:
            continue
        as_json = json.dumps(content.example, indent=2, ensure_ascii=False)
        text = content.example if isinstance(content.example, str) else as_json
        title = tag("summary", "Answer as ", tag("code", content.media))
        found.append(tag("details", title, code(text)))
    return found
