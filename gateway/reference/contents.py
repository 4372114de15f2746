"""The whole reference in its order: what holds for all routes, the routes, their shapes."""

from itertools import groupby
from typing import Any

from gateway.reference.blocks import Section
from gateway.reference.fields import shape_section
from gateway.reference.guide.access import keys, lanes
from gateway.reference.guide.answers import headers, websites
from gateway.reference.guide.errors import errors
from gateway.reference.guide.limits import limits
from gateway.reference.guide.metering import metering
from gateway.reference.guide.models import elsewhere, models
from gateway.reference.guide.streaming import streaming
from gateway.reference.route_section import route_section
from gateway.reference.table import ROUTES

_GUIDE = (keys, lanes, models, limits, metering, streaming, headers, websites, errors, elsewhere)


def reference(document: dict[str, Any], model: str) -> tuple[Section, ...]:
    """`document`: of OpenAPI, whose shapes are described. `model` stands in the examples."""
    schemas = document["components"]["schemas"]
    groups = groupby(ROUTES, lambda route: route.group)
    routes = (
        Section(name, name.lower(), tuple(route_section(one, schemas, model) for one in ones))
        for name, ones in groups
    )
    shapes = Section(
        "Shapes", "shapes", tuple(shape_section(name, schemas[name]) for name in schemas)
    )
    return (*(section() for section in _GUIDE), *routes, shapes)
