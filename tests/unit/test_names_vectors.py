"""Model names: the same vectors hold for the Supabase function."""

import json
from pathlib import Path

import pytest

from gateway.names import canonical_name

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/model_names.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["kept"], ids=lambda one: ascii(one["given"]))
def test_a_name_has_the_canonical_form_of_the_vectors(vector: dict[str, str]) -> None:
    assert canonical_name(vector["given"]) == vector["kept"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda one: ascii(one["given"])[:40])
def test_what_is_no_name_is_refused_with_the_words_of_the_vectors(vector: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        canonical_name(vector["given"])
    assert str(caught.value) == f"'{vector['given'][:80]}' {vector['why']}"
