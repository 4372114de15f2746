"""The forms in which a key's fields are kept: the same vectors hold for the Supabase function."""

import json
from typing import Any

import pytest

from gateway.admin.fields import InvalidField, check_changes, identifier, origin
from tests.support.paths import VECTORS

FOLDER = VECTORS
FIELDS = json.loads((FOLDER / "fields.json").read_text("utf-8"))
ORIGINS = json.loads((FOLDER / "origins.json").read_text("utf-8"))


def checked(name: str, value: Any) -> Any:
    if name == "id":
        return str(identifier(value))
    kept = check_changes({name: value})[name]
    return kept.isoformat() if name == "expires_at" and kept else kept


@pytest.mark.parametrize("vector", FIELDS["kept"], ids=lambda one: ascii(one["given"])[:40])
def test_a_field_is_kept_in_the_form_of_the_vectors(vector: dict[str, Any]) -> None:
    assert checked(vector["field"], vector["given"]) == vector["kept"]


@pytest.mark.parametrize("vector", FIELDS["refused"], ids=lambda one: ascii(one["given"])[:40])
def test_a_field_is_refused_by_name_where_the_vectors_say_so(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidField) as caught:
        checked(vector["field"], vector["given"])
    assert caught.value.name == vector["field"]
    assert str(caught.value).startswith(f"{vector['field']} ")


@pytest.mark.parametrize("vector", ORIGINS["kept"], ids=lambda one: ascii(one["given"]))
def test_an_origin_is_kept_as_the_vectors_say_that_browsers_send_it(vector: dict[str, Any]) -> None:
    assert origin(vector["given"]) == origin(vector["kept"]) == vector["kept"]


@pytest.mark.parametrize("given", ORIGINS["refused"], ids=lambda text: ascii(text)[:40])
def test_what_the_vectors_say_that_no_browser_sends_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="list of origins"):
        origin(given)
