"""The shapes of the OpenAPI document, to hold answers against."""

from functools import cache

import jsonschema_rs

from gateway.reference.openapi import document

COMPONENTS = document()["components"]


@cache
def validator(name: str) -> jsonschema_rs.Validator:
    """For one of the document's shapes."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": COMPONENTS}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
