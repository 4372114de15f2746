"""The OpenAPI document, made from `table.py` and the structs that parse the requests."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from gateway.core.error_kinds import KINDS
from gateway.dialects import all_dialects, all_families, family_of
from gateway.http.refusal_headers import HOPELESS
from gateway.reference.guide import guide
from gateway.reference.headers import HEADERS, RATE_HEADERS
from gateway.reference.markdown import without_links
from gateway.reference.notes import annotate
from gateway.reference.refusals import by_status, public_text
from gateway.reference.route import ANYWHERE, HOLDER, OWNER, SITE, Content, Route
from gateway.reference.table import ROUTES

Json = dict[str, Any]

_SECURITY: dict[str, list[Json]] = {
    HOLDER: [{"bearer": []}, {"apiKey": []}],
    SITE: [{"bearer": []}, {"apiKey": []}],
    OWNER: [{"adminSecret": []}],
}
_SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "adminSecret": {"type": "apiKey", "in": "header", "name": "X-Admin-Secret"},
}


def document() -> Json:
    """The whole document, as JSON values."""
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "localllm",
            "version": version("localllm"),
            "summary": "The model on this machine, with keys, token quotas and rate limits.",
            "description": without_links(guide()),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": group} for group in dict.fromkeys(route.group for route in ROUTES)],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": _SCHEMES,
            "headers": HEADERS,
        },
    }


def _schemas() -> Json:
    structs = [family.error_shape for family in all_families()]
    structs += [one.reference.event for one in all_dialects() if one.reference.event]
    for route in ROUTES:
        wanted = [route.body, *(content.shape for content in route.answer)]
        structs += [one for one in wanted if isinstance(one, type)]
    _, schemas = msgspec.json.schema_components(
        list(dict.fromkeys(structs)), ref_template="#/components/schemas/{name}"
    )
    for name, schema in schemas.items():
        schema.pop("title", None)
        if "description" in schema:  # a docstring, with the line ends of its source
            schema["description"] = " ".join(schema["description"].split())
        annotate(name, schema)
    return schemas


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": route.name,
        "tags": [route.group],
        "summary": route.summary,
        "description": _text(route),
        "security": _SECURITY.get(route.who, []),
        "responses": _responses(route),
    }
    if route.parameters:
        operation["parameters"] = [
            {
                "name": one.name,
                "in": one.place,
                "required": one.place == "path",
                "description": one.text,
                "schema": one.schema,
            }
            for one in route.parameters
        ]
    if route.body:
        content = {"schema": _reference(route.body), "example": route.example}
        forms: Json = {"application/json": content}
        if route.form:
            binary = {"file": {"type": "string", "format": "binary"}}
            schema = {"allOf": [_reference(route.body)], "properties": binary}
            forms["multipart/form-data"] = {"schema": schema}
        operation["requestBody"] = {"required": route.body_needed, "content": forms}
    return operation


def _text(route: Route) -> str:
    scope = f"Needs the scope `{route.scope}`." if route.scope else ""
    return f"{route.text} {scope}".strip()


def _responses(route: Route) -> Json:
    content = {one.media: _content(one) for one in route.answer}
    headers = ["x-request-id", *(RATE_HEADERS if route.metered else ())]
    good: Json = {"description": "Done.", "headers": _headers(headers), "content": content}
    responses = {str(route.status): good}
    for status, text in route.also:
        responses[str(status)] = {**good, "description": text}
    for status, codes in by_status((*route.refusals, *ANYWHERE)).items():
        responses.setdefault(str(status), _refusal(status, codes, route))
    return dict(sorted(responses.items()))


def _refusal(status: int, codes: list[str], route: Route) -> Json:
    texts = dict.fromkeys(f"`{KINDS[code].code}`: {public_text(code)}" for code in codes)
    shape = family_of(route.path).error_shape
    names = ["x-request-id"]
    if status in HOPELESS or (status == 429 and route.metered):
        names.append("x-should-retry")
    if status in {429, 503}:
        names.append("retry-after")
    if status == 429 and route.metered:
        names += RATE_HEADERS
    return {
        "description": "\n".join(f"- {text}" for text in texts),
        "headers": _headers(names),
        "content": {"application/json": {"schema": _reference(shape)}},
    }


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _content(content: Content) -> Json:
    shape = content.shape
    schema = _reference(shape) if isinstance(shape, type) else shape or {"type": "string"}
    return {"schema": schema} | ({} if content.example is None else {"example": content.example})


def _reference(shape: type[msgspec.Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}
