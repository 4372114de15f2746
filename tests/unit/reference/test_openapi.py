"""The OpenAPI document is valid, complete, and true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis

from gateway.admin.fields import InvalidField, check_changes
from gateway.app import make_app
from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.dialects import error_body
from gateway.dialects.shared import strict_json
from gateway.reference.openapi import document
from gateway.reference.refusals import public_text
from gateway.reference.route import ANYWHERE, HOLDER, OWNER, SITE, Route
from gateway.reference.table import ROUTES
from tests.support.bare_gateway import bare_gateway
from tests.support.openapi_shapes import validator
from tests.support.served_routes import served_routes

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_the_document_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    for name in SCHEMAS:
        validator(name)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    for reference in found:
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert "#/components/schemas/ChatRequest" in found


def test_it_describes_each_route_that_is_served_and_no_other(tmp_path: Path) -> None:
    with bare_gateway(tmp_path) as gateway:
        served = served_routes(make_app(gateway).app)
    assert served == {(route.method, route.path) for route in ROUTES}


def test_operation_ids_are_unique() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_examples_fit_their_shapes(route: Route) -> None:
    if route.body:
        validator(route.body.__name__).validate(route.example)
        parsed = strict_json.parse(msgspec.json.encode(route.example), route.body)
        assert isinstance(parsed, route.body)
    for content in route.answer:
        if isinstance(content.shape, type):
            validator(content.shape.__name__).validate(content.example)


def test_each_event_of_the_streamed_example_fits_its_shape() -> None:
    chat = next(route for route in ROUTES if route.name == "createChatCompletion")
    *events, last = chat.answer[1].example.removesuffix("\n\n").split("\n\n")
    assert last == "data: [DONE]"
    for event in events:
        validator("ChatCompletionChunk").validate(msgspec.json.decode(event[len("data: ") :]))


@pytest.mark.parametrize("reason", KINDS)
def test_every_refusal_fits_the_error_shape_and_has_words_for_readers(reason: str) -> None:
    body = error_body("/v1/chat/completions", Refusal(reason, "x", "m"), "")
    validator("Error").validate(msgspec.json.decode(body))
    assert public_text(reason)
    assert not set(public_text(reason)) & set("{}")


def test_a_new_refusal_has_to_be_documented() -> None:
    named = {reason for route in ROUTES for reason in route.refusals} | set(ANYWHERE)
    # 405 belongs to methods that the document does not have; a conflict no route makes yet.
    assert set(KINDS) - named == {"method_not_allowed", "conflict"}


def test_each_operation_says_who_may_call_it() -> None:
    keys = [{"bearer": []}, {"apiKey": []}]
    wanted = {HOLDER: keys, SITE: keys, OWNER: [{"adminSecret": []}]}
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        assert operation["security"] == wanted.get(route.who, [])
        assert ("401" in operation["responses"]) == (route.who in wanted)


# What the document promises of a key's fields is what is checked.
GOOD: list[tuple[str, Any]] = [
    ("label", "x"),
    ("label", "Grüße, 世界 🙂"),
    ("label", "y" * 100),
    ("label", " " + "y" * 100 + "\n"),
    ("owner_email", "a.b+c@example.co.uk"),
    ("owner_email", None),
    ("rate_limit_per_min", 1),
    ("rate_limit_per_min", 1_000_000),
    ("monthly_token_limit", 0),
    ("monthly_token_limit", 10**12),
    ("max_output_tokens", 1),
    ("max_output_tokens", 10**9),
    ("max_output_tokens", None),
    ("allowed_models", ["qwen2.5:7b", "Library/LLaMA3", "_x"]),
    ("allowed_models", ["qwen2.5:*", "Library/LLaMA3*", "*"]),
    ("allowed_models", []),
    ("allowed_origins", ["https://example.com", "*"]),
    ("allowed_origins", ["http://localhost:65535", "chrome-extension://abc"]),
    ("scopes", ["chat", "models:pull", "ollama:native"]),
    ("expires_at", "2999-01-01T00:00:00Z"),
    ("expires_at", "2999-01-01T00:00:00.25+02:00"),
]
BAD: list[tuple[str, Any]] = [
    ("label", ""),
    ("label", "  "),
    ("label", "y" * 101),
    ("label", "a\nb"),
    ("label", None),
    ("owner_email", "nobody"),
    ("owner_email", "a@b@c"),
    ("rate_limit_per_min", 0),
    ("rate_limit_per_min", 1_000_001),
    ("monthly_token_limit", -1),
    ("monthly_token_limit", 10**12 + 1),
    ("max_output_tokens", 0),
    ("max_output_tokens", 10**9 + 1),
    ("allowed_models", [""]),
    ("allowed_models", ["m"] * 101),
    ("allowed_origins", ["https://example.com"] * 101),
    ("allowed_origins", ["example.com"]),
    ("allowed_origins", ["https://example.com/path"]),
    ("scopes", []),
    ("scopes", ["root"]),
    ("expires_at", "tomorrow"),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_the_document_allows_in_a_key_is_taken(name: str, value: Any) -> None:
    validator("UpdateKey").validate({name: value})
    check_changes({name: value}, future=True)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_the_document_forbids_in_a_key_is_refused(name: str, value: Any) -> None:
    assert not validator("UpdateKey").is_valid({name: value})
    with pytest.raises(InvalidField):
        check_changes({name: value}, future=True)


def test_an_update_that_changes_nothing_is_not_valid() -> None:
    assert not validator("UpdateKey").is_valid({})
