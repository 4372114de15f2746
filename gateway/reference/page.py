"""The API reference as one page without scripts, rendered from the OpenAPI document."""

from itertools import groupby
from typing import Any

from gateway.errors import CATALOGUE
from gateway.reference.fields import schema_section
from gateway.reference.frame import BASE, frame
from gateway.reference.html import Child, Html, join, link, prose, table, tag
from gateway.reference.refusals import public_text
from gateway.reference.route import Route
from gateway.reference.route_section import code, route_section, route_title
from gateway.reference.table import ROUTES

Json = dict[str, Any]

_KEYS = (
    "Send your key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. The owner’s routes take "
    "`X-Admin-Secret` instead, and do not answer through the tunnel unless the owner allows it.",
    f"OpenAI clients: the base URL is `{BASE}/v1`.",
    "Every answer has an `x-request-id`. Metered ones say with `x-ratelimit-…` headers what the "
    "key has left; `retry-after` counts whole seconds.",
)


def page(document: Json, model: str) -> Html:
    """`model` stands in the example requests. BASE is to be replaced by the page's address."""
    groups = [(name, list(routes)) for name, routes in groupby(ROUTES, lambda route: route.group)]
    schemas = document["components"]["schemas"]
    version = document["info"]["version"]
    main = tag(
        "main",
        tag("h1", "localllm API reference"),
        tag("p", document["info"]["summary"], class_="lead"),
        tag("h2", "Keys", id="keys"),
        *(tag("p", prose(text)) for text in _KEYS),
        tag("p", f"Version {version}. For programs: ", link("/openapi.json", "openapi.json"), "."),
        *(_group(name, routes, schemas, model) for name, routes in groups),
        tag("h2", "Errors", id="errors"),
        _errors(),
        tag("h2", "Shapes", id="shapes"),
        *(schema_section(name, schemas[name]) for name in schemas),
        id="top",
    )
    skip = link("#top", "Skip to the reference")
    return frame(
        "localllm API reference",
        tag("p", skip, class_="skip"),
        tag("div", _contents(groups), main, class_="columns"),
    )


def _group(name: str, routes: list[Route], schemas: Json, model: str) -> Html:
    sections = (route_section(route, schemas, model) for route in routes)
    return tag("section", tag("h2", name, id=name.lower()), *sections)


def _contents(groups: list[tuple[str, list[Route]]]) -> Html:
    items = [tag("li", link("#keys", "Keys"))]
    for name, routes in groups:
        entries = (tag("li", link(f"#{route.name}", route_title(route))) for route in routes)
        items.append(tag("li", link(f"#{name.lower()}", name), tag("ul", *entries)))
    items += [tag("li", link("#errors", "Errors")), tag("li", link("#shapes", "Shapes"))]
    return tag("nav", tag("ul", *items), aria_label="Contents")


def _errors() -> Html:
    """The whole catalogue, one row for each thing that can go wrong."""
    form = '{"error": {"message": "…", "type": "…", "param": null, "code": "…"}}'
    kinds = sorted(CATALOGUE.items(), key=lambda item: item[1].status)
    rows: list[tuple[Child, ...]] = [
        (
            tag("code", str(row.status)),
            tag("code", row.code),
            tag("code", row.type),
            prose(public_text(reason)),
        )
        for reason, row in kinds
    ]
    return join(
        tag("p", "Every refusal has this form; all four keys are always there:"),
        code(form),
        table(("status", "code", "type", "meaning"), rows),
    )
