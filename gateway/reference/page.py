"""The API reference as one page without scripts, rendered from the OpenAPI document."""

import json
from itertools import groupby
from typing import Any

from gateway.errors import CATALOGUE
from gateway.reference.commands import curl
from gateway.reference.examples import KEY_ID
from gateway.reference.fields import fields, kind, schema_section
from gateway.reference.frame import BASE, frame
from gateway.reference.html import Child, Html, join, link, prose, table, tag
from gateway.reference.table import HOLDER, OWNER, ROUTES, Route
from gateway.reference.texts import public_text

Json = dict[str, Any]

_WHO = {
    HOLDER: "needs an API key",
    OWNER: "needs the admin secret",
}


def page(document: Json, model: str) -> Html:
    """`model` stands in the example requests. BASE is to be replaced by the page's address."""
    groups = [(name, list(routes)) for name, routes in groupby(ROUTES, lambda route: route.group)]
    sections = [
        tag(
            "section",
            tag("h2", name, id=name.lower()),
            *(_route(document, route, model) for route in routes),
        )
        for name, routes in groups
    ]
    schemas = document["components"]["schemas"]
    return frame(
        "localllm API reference",
        tag("a", "Skip to the reference", href="#top", class_="skip"),
        tag("div", _contents(groups), _main(document, sections, schemas), class_="columns"),
    )


def _main(document: Json, sections: list[Html], schemas: Json) -> Html:
    return tag(
        "main",
        tag("h1", "localllm API reference"),
        tag("p", document["info"]["summary"], class_="lead"),
        _begin(document),
        *sections,
        tag("h2", "Errors", id="errors"),
        _errors(),
        tag("h2", "Shapes", id="shapes"),
        *(schema_section(name, schemas[name]) for name in schemas),
        id="top",
    )


def _begin(document: Json) -> Html:
    version = document["info"]["version"]
    return tag(
        "section",
        tag("h2", "Keys", id="keys"),
        tag(
            "p",
            prose(
                "Send your key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. The owner’s "
                "routes take `X-Admin-Secret` instead, and do not answer through the tunnel "
                "unless the owner allows it."
            ),
        ),
        tag("p", prose(f"OpenAI clients: the base URL is `{BASE}/v1`.")),
        tag(
            "p",
            prose(
                "Every answer has an `x-request-id`. Metered ones say with `x-ratelimit-…` headers "
                "what the key has left; `retry-after` counts whole seconds."
            ),
        ),
        tag("p", f"Version {version}. For programs: ", link("/openapi.json", "openapi.json"), "."),
    )


def _contents(groups: list[tuple[str, list[Route]]]) -> Html:
    items = [tag("li", link("#keys", "Keys"))]
    for name, routes in groups:
        entries = (
            tag("li", link(f"#{route.name}", _method(route.method), " ", _path(route.path)))
            for route in routes
        )
        items.append(tag("li", link(f"#{name.lower()}", name), tag("ul", *entries)))
    items += [tag("li", link("#errors", "Errors")), tag("li", link("#shapes", "Shapes"))]
    return tag("nav", tag("ul", *items), aria_label="Contents")


def _route(document: Json, route: Route, model: str) -> Html:
    operation = document["paths"][route.path][route.method.lower()]
    title = link(f"#{route.name}", _method(route.method), " ", _path(route.path))
    parts: list[Child] = [
        tag("h3", title),
        tag("p", tag("strong", f"{route.summary}."), " ", _who(route.who)),
        tag("p", prose(route.text)) if route.text else None,
    ]
    if route.parameters:
        parts += [tag("h4", "Parameters"), _parameters(route)]
    if route.body:
        schema = document["components"]["schemas"][route.body.__name__]
        parts += [tag("h4", "Body"), fields(schema)]
    parts += [tag("h4", "Example"), _code(curl(route, model, KEY_ID))]
    parts += [tag("h4", "Answers"), _answers(operation["responses"])]
    parts += _samples(route)
    return tag("article", *parts, id=route.name)


def _who(who: str) -> Html | None:
    return tag("span", _WHO[who], class_="who") if who in _WHO else None


def _parameters(route: Route) -> Html:
    rows: list[tuple[Child, ...]] = [
        (tag("code", one.name), kind(one.schema), prose(one.text)) for one in route.parameters
    ]
    return table(("name", "type", "meaning"), rows)


def _answers(responses: Json) -> Html:
    rows: list[tuple[Child, ...]] = []
    for status, response in responses.items():
        lines = response["description"].split("\n")
        text = join(*(tag("div", prose(line.removeprefix("- "))) for line in lines))
        rows.append((tag("code", status), text))
    return table(("status", "meaning"), rows)


def _samples(route: Route) -> list[Html]:
    found: list[Html] = []
    for content in route.answer:
        if content.example is None:
            continue
        sample = content.example
        as_json = json.dumps(sample, indent=2, ensure_ascii=False)
        text = sample if isinstance(sample, str) else as_json
        found.append(
            tag("details", tag("summary", "Answer as ", tag("code", content.media)), _code(text))
        )
    return found


def _errors() -> Html:
    """The whole catalogue, one row for each thing that can go wrong."""
    rows: list[tuple[Child, ...]] = [
        (tag("code", str(row.status)), tag("code", row.type), tag("code", row.code), text)
        for reason, row in sorted(CATALOGUE.items(), key=lambda item: item[1].status)
        for text in [prose(public_text(reason))]
    ]
    form = '{"error": {"message": "…", "type": "…", "param": null, "code": "…"}}'
    return join(
        tag("p", "Every refusal has this form; all four keys are always there:"),
        _code(form),
        table(("status", "type", "code", "meaning"), rows),
    )


def _method(name: str) -> Html:
    return tag("span", name, class_=f"method {name.lower()}")


def _path(path: str) -> Html:
    """May break after a slash on a narrow screen."""
    return tag(
        "code", *(part for piece in path.split("/")[1:] for part in ("/", Html("<wbr>"), piece))
    )


def _code(text: str) -> Html:
    return tag("pre", tag("code", text.rstrip("\n")))
