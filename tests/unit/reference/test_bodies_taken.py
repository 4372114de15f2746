"""Every body that the code takes is valid by the OpenAPI document."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.admin.fields import InvalidField, check_changes
from gateway.admin.keys import CreateKey, RotateKey, UpdateKey
from gateway.core.errors import Refusal
from gateway.core.key_fields import span
from gateway.dialects import all_dialects
from gateway.dialects.shared import strict_json
from gateway.pulls import messages as pulls
from gateway.pulls.messages import OllamaPullRequest, PullRequest
from gateway.reference.route import Route
from gateway.reference.table import ROUTES
from tests.support.openapi_shapes import validator
from tests.support.paths import RECORDINGS, VECTORS

FIELDS, BODIES, ORIGINS, NAMES, ENTRIES = (
    json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    for name in ("fields", "bodies", "origins", "model_names", "allowed_models")
)
DIALECTS = {one.path: one for one in all_dialects()}
SHAPES = {"create": CreateKey, "update": UpdateKey, "rotate": RotateKey}
EXACT = {"rate_limit_per_min", "monthly_token_limit", "max_output_tokens", "scopes"}
WITH_BODY = [route for route in ROUTES if route.body]
a_few = settings(deadline=None, database=None, derandomize=True)


def changes_taken(changes: dict[str, Any]) -> bool:
    """Whether the code takes these fields of a key."""
    try:
        check_changes(changes, future=False)
    except InvalidField:
        return False
    return True


def is_taken(route: Route, body: bytes) -> bool:
    """Whether the code takes this body on the route, as far as it needs no database to say so."""
    assert route.body
    if route.path in DIALECTS:
        return not isinstance(DIALECTS[route.path].sanitise(body), Refusal)
    if route.body is PullRequest:
        return not isinstance(pulls.read(body, {}), Refusal)
    if route.body is OllamaPullRequest:
        return not isinstance(pulls.read_ollama(body, {}), Refusal)
    asked = strict_json.parse(body, route.body)
    if isinstance(asked, RotateKey):
        low, high = span("grace_seconds")
        return low <= asked.grace_seconds <= high
    if isinstance(asked, CreateKey | UpdateKey):
        named = msgspec.to_builtins(asked).items()
        if isinstance(asked, CreateKey):
            named = [(name, value) for name, value in named if value is not None]
        return bool(named) and changes_taken(dict(named))
    return not isinstance(asked, Refusal)


def vectors() -> Iterator[dict[str, Any]]:
    """Changes of a key that the vectors say are taken."""
    for one in FIELDS["kept"]:
        if one["field"] != "id":
            yield {one["field"]: one["given"]}
    for one in ORIGINS["kept"]:
        yield {"allowed_origins": [one["given"]]}
    for one in (*NAMES["kept"], *ENTRIES["kept"]):
        yield {"allowed_models": [one["given"]]}
    yield {"owner_email": "o'brien@example.com"}
    yield {"allowed_origins": ["*", "anything"]}


@pytest.mark.parametrize("changes", list(vectors()), ids=lambda one: ascii(one)[:50])
def test_a_field_of_the_vectors_is_valid(changes: dict[str, Any]) -> None:
    assert changes_taken(changes)
    validator("UpdateKey").validate(changes)
    validator("CreateKey").validate({"label": "x", **changes})


@pytest.mark.parametrize("vector", BODIES["taken"], ids=lambda one: ascii(one["body"])[:50])
def test_a_body_of_the_vectors_is_valid_if_its_fields_can_be_kept(vector: dict[str, Any]) -> None:
    route = next(one for one in ROUTES if one.body is SHAPES[vector["shape"]])
    body = vector["body"] or "{}"
    valid = validator(SHAPES[vector["shape"]].__name__).is_valid(json.loads(body))
    assert valid == is_taken(route, body.encode())


# Text of the characters on which languages and validators differ, and of those that fields need.
_odd = st.sampled_from(" \t\n\x0b\x1c\x1f\x85\xa0\u2028\u3000\ufeff\u200b\xad\x00\x7f")
_usual = st.sampled_from("aZ09üK\u212a🙂'@.:/*-_[]+#?\\")
_text = st.text(_odd | _usual | st.characters(codec="utf-8"), max_size=12)
_email = st.builds("{}{}@{}".format, _text, st.just("a") | _text, st.just("b.example") | _text)
_origin = st.builds(
    "{}{}://{}{}".format,
    _text,
    st.sampled_from(["https", "HTTP", "app+x.y-z"]),
    st.sampled_from(["a.example", "[::1]", "bücher.example", "127.0.0.1"]) | _text,
    st.sampled_from(["", ":", ":0443", ":65536", "/", "//"]) | _text,
)
_model = st.builds("{}{}{}".format, _text, st.sampled_from(["m", "hf.co/b/*", "x:7b", ""]), _text)
_moment = st.builds(
    "{}{}{}{}".format,
    st.just("") | _odd,
    st.dates().map(str),
    st.sampled_from(["", "T12:00", " 12:00:00", "T12:00:00.5Z", "T12:00+0200", "T12:00-02:00"]),
    st.just("") | _odd,
)


def numbers(name: str) -> st.SearchStrategy[int]:
    low, high = span(name)
    return st.sampled_from([low - 1, low, high, high + 1]) | st.integers()


keys = st.fixed_dictionaries(
    {},
    optional={
        "label": _text | st.text(st.just("🙂") | _odd, min_size=95, max_size=105),
        "owner_email": st.none() | _email,
        "rate_limit_per_min": numbers("rate_limit_per_min"),
        "monthly_token_limit": numbers("monthly_token_limit"),
        "max_output_tokens": st.none() | numbers("max_output_tokens"),
        "allowed_models": st.none() | st.lists(_model, max_size=3),
        "allowed_origins": st.none() | st.lists(_origin | st.just("*"), max_size=3),
        "scopes": st.lists(st.sampled_from(["chat", "embeddings", "root"]), max_size=3),
        "expires_at": st.none() | _moment,
    },
).filter(bool)


@given(keys)
@settings(a_few, max_examples=500)
def test_whatever_fields_of_a_key_are_taken_are_valid(changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        taken = changes_taken({name: value})
        if taken:
            validator("UpdateKey").validate({name: value})
        if name in EXACT:
            assert validator("UpdateKey").is_valid({name: value}) == taken


def requests() -> Iterator[Any]:
    """Recorded bodies that the code takes, by the operation that takes them."""
    for folder in sorted(RECORDINGS.iterdir()):
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        _, _, body = (folder / "request.http").read_bytes().partition(b"\r\n\r\n")
        dialect = DIALECTS.get(meta["path"])
        if dialect and not isinstance(dialect.sanitise(body), Refusal):
            yield pytest.param(dialect.reference.request, body, id=folder.name)


@pytest.mark.parametrize(("shape", "body"), list(requests()))
def test_a_recorded_request_that_is_taken_is_valid(
    shape: type[msgspec.Struct], body: bytes
) -> None:
    validator(shape.__name__).validate(json.loads(body))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1.0, 2**63, -(2**63), "user", "none", ""]) | st.text(max_size=4),
    lambda below: st.lists(below, max_size=2)
    | st.dictionaries(st.sampled_from(["type", "text", "role", "content", "x"]), below),
    max_leaves=5,
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, route: Route) -> Any:
    """The example of a route, of which some fields hold something else."""
    assert route.body
    body = copy.deepcopy(route.example)
    names = [field.encode_name for field in msgspec.structs.fields(route.body)]
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        body[name] = draw(anything)
    return body


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.name)
@given(data=st.data())
@settings(a_few, max_examples=150)
def test_whatever_change_of_an_example_is_taken_is_valid(route: Route, data: st.DataObject) -> None:
    assert route.body
    body = data.draw(changed(route))
    if is_taken(route, json.dumps(body).encode()):
        validator(route.body.__name__).validate(body)
