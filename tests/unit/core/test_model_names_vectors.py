"""Model names: the same vectors hold for the Supabase function."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.model_names import canonical_entry, canonical_name, is_allowed
from tests.support.paths import VECTORS

FOLDER = VECTORS
VECTORS = json.loads((FOLDER / "model_names.json").read_text("utf-8"))
ENTRIES = json.loads((FOLDER / "allowed_models.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["kept"], ids=lambda one: ascii(one["given"]))
def test_a_name_has_the_canonical_form_of_the_vectors(vector: dict[str, str]) -> None:
    assert canonical_name(vector["given"]) == vector["kept"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda one: ascii(one["given"])[:40])
def test_what_is_no_name_is_refused_with_the_words_of_the_vectors(vector: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        canonical_name(vector["given"])
    assert str(caught.value) == f"'{vector['given'][:80]}' {vector['why']}"


@pytest.mark.parametrize("vector", ENTRIES["kept"], ids=lambda one: ascii(one["given"])[:40])
def test_an_entry_of_allowed_models_has_the_form_of_the_vectors(vector: dict[str, str]) -> None:
    assert canonical_entry(vector["given"]) == vector["kept"]
    assert canonical_entry(vector["kept"]) == vector["kept"]


@pytest.mark.parametrize("vector", ENTRIES["refused"], ids=lambda one: ascii(one["given"])[:40])
def test_an_entry_that_can_match_no_model_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        canonical_entry(vector["given"])
    assert str(caught.value) == f"'{vector['given'][:80]}' {vector['why']}"


@pytest.mark.parametrize("vector", ENTRIES["matched"], ids=lambda one: ascii(one)[11:60])
def test_an_entry_allows_the_models_of_the_vectors_and_no_other(vector: dict[str, Any]) -> None:
    assert is_allowed(vector["name"], ["another:1", vector["entry"]]) is vector["matches"]
    assert is_allowed(vector["name"], [vector["entry"]]) is vector["matches"]


def test_no_list_allows_every_model_and_an_empty_one_none() -> None:
    assert is_allowed("x:latest", None)
    assert not is_allowed("x:latest", [])


@given(st.text("ab*", max_size=12), st.text("ab", max_size=12))
def test_a_star_is_any_run_of_characters_and_nothing_else(entry: str, name: str) -> None:
    wanted = re.fullmatch(entry.replace("*", ".*"), name) is not None
    assert is_allowed(name, [entry]) is wanted
