"""Each family of clients gets refusals in its own shape, and the document says which."""

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.dialects import all_absent, all_families, error_body, family_of
from gateway.reference.openapi import document
from gateway.reference.route import Route
from gateway.reference.table import ROUTES

PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "ollama": "/api/chat",
}
# What Anthropic's documentation says of its API, and what else its clients can be told.
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    501: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}
DOCUMENT = document()
ERRORS = {family.name: family.error_shape for family in all_families()}


def schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def test_each_family_has_a_shape_and_a_path():
    assert {family_of(path).name: path for path in PATHS.values()} == PATHS
    assert set(ERRORS) == set(PATHS)


@pytest.mark.parametrize("reason", KINDS)
@pytest.mark.parametrize("callers", PATHS)
def test_every_refusal_fits_the_shape_of_its_family_and_of_no_other(callers: str, reason: str):
    body = json.loads(error_body(PATHS[callers], Refusal(reason, "x", "m"), "1"))
    for name, shape in ERRORS.items():
        fits = jsonschema_rs.Draft202012Validator(schema(shape.__name__)).is_valid(body)
        assert fits is (name == callers)


@pytest.mark.parametrize("reason", KINDS)
def test_a_refusal_to_anthropic_s_clients_has_the_type_of_its_status_and_names_the_request(
    reason: str,
):
    refusal = Refusal(reason, "x", "m")
    body = json.loads(error_body("/v1/messages", refusal, "the-id"))
    status = refusal.kind.status
    assert body["error"]["type"] == TYPES.get(status, "invalid_request_error")
    words = family_of("/v1/messages").words.get(reason, "")
    assert body["error"]["message"] == msgspec.structs.replace(refusal, words=words).message
    assert body["request_id"] == "the-id"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_document_names_the_shape_that_the_path_gives(route: Route):
    responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    wanted = f"#/components/schemas/{family_of(route.path).error_shape.__name__}"
    refused = [answer for status, answer in responses.items() if status in {"403", "500"}]
    assert len(refused) == 2
    for answer in refused:
        assert answer["content"]["application/json"]["schema"]["$ref"] == wanted


def test_what_is_not_here_though_clients_ask_for_it_is_no_route():
    assert not set(all_absent()) & {route.path for route in ROUTES}
