"""The API reference as one page without scripts."""

from typing import Any

from gateway.reference.as_html import rendered, title
from gateway.reference.blocks import Section
from gateway.reference.contents import reference
from gateway.reference.frame import frame
from gateway.reference.html import Html, link, tag

Json = dict[str, Any]


def page(document: Json, model: str) -> Html:
    """`document`: of OpenAPI. `model` stands in the example requests. BASE is to be replaced by the
    page's address."""
    sections = reference(document, model)
    version = document["info"]["version"]
    main = tag(
        "main",
        tag("h1", "localllm API reference"),
        tag("p", document["info"]["summary"], class_="lead"),
        tag("p", f"Version {version}. For programs: ", link("/openapi.json", "openapi.json"), "."),
        *map(rendered, sections),
        id="top",
    )
    skip = link("#top", "Skip to the reference")
    return frame(
        "localllm API reference",
        tag("p", skip, class_="skip"),
        tag("div", _contents(sections), main, class_="columns"),
    )


def _contents(sections: tuple[Section, ...]) -> Html:
    """Links to the sections, and to the routes in them."""
    items: list[Html] = []
    for section in sections:
        routes = [one for one in section.blocks if isinstance(one, Section) and one.method]
        entries = (tag("li", link(f"#{one.id}", title(one))) for one in routes)
        below = tag("ul", *entries) if routes else None
        items.append(tag("li", link(f"#{section.id}", section.title), below))
    return tag("nav", tag("ul", *items), aria_label="Contents")
