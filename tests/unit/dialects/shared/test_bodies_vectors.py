"""Bodies and refusals of the admin routes: the same vectors hold for the Supabase function."""

import json
from typing import Any

import msgspec
import pytest

from gateway.admin.keys import CreateKey, RotateKey, UpdateKey
from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json
from tests.support.paths import VECTORS

FOLDER = VECTORS
BODIES = json.loads((FOLDER / "bodies.json").read_text("utf-8"))
REFUSALS = json.loads((FOLDER / "refusals.json").read_text("utf-8"))
SHAPES = {"create": CreateKey, "update": UpdateKey, "rotate": RotateKey}


def parse(vector: dict[str, Any]) -> Any:
    return strict_json.parse(vector["body"].encode() or b"{}", SHAPES[vector["shape"]])


@pytest.mark.parametrize("vector", BODIES["taken"], ids=lambda one: ascii(one["body"]))
def test_a_good_body_holds_what_the_vectors_say(vector: dict[str, Any]) -> None:
    parsed = parse(vector)
    assert isinstance(parsed, SHAPES[vector["shape"]])
    assert {name: getattr(parsed, name) for name in vector["values"]} == vector["values"]
    defaults = {field.name: field.default for field in msgspec.structs.fields(parsed)}
    for name in set(defaults) - set(vector["values"]):
        assert getattr(parsed, name) == defaults[name]


@pytest.mark.parametrize("vector", BODIES["refused"], ids=lambda one: ascii(one["body"])[:60])
def test_a_bad_body_is_refused_and_named_as_in_the_vectors(vector: dict[str, Any]) -> None:
    refusal = parse(vector)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind.code, refusal.param) == ("invalid_request", vector["param"])
    assert refusal.message.endswith(".")


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_has_the_status_type_and_code_of_the_vectors(reason: str) -> None:
    kind = KINDS[reason]
    told = {"status": kind.status, "type": kind.type, "code": kind.code}
    assert told == REFUSALS[reason]
