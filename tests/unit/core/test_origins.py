"""CORS_ORIGINS: an entry matches pages as browsers name them, or is refused at the start."""

import json
from typing import Any

import pytest

from gateway.config import settings
from gateway.config.settings import SettingsError
from gateway.core.origins import cors_entry, cors_pattern
from tests.support.paths import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/cors_origins.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["kept"], ids=lambda one: ascii(one["given"]))
def test_an_entry_matches_what_the_vectors_say(vector: dict[str, Any]):
    kept = cors_entry(vector["given"])
    assert kept == vector["kept"]
    assert cors_entry(kept) == kept
    pattern = cors_pattern([kept, "*", "https://other.example"])
    for one in vector["matches"]:
        assert one == kept or (pattern and pattern.fullmatch(one))
    for one in vector["others"]:
        assert one != kept
        assert not (pattern and pattern.fullmatch(one))


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda one: one["given"])
def test_what_no_page_can_match_is_refused_with_the_right_spelling(vector: dict[str, Any]):
    with pytest.raises(SettingsError) as caught:
        settings.load({"CORS_ORIGINS": f"https://a.example,{vector['given']}"})
    told = str(caught.value)
    assert "is the origin of no page" in told
    assert told.endswith(f": write {vector['right']}." if vector["right"] else "no page.")
