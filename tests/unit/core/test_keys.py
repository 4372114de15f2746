"""API keys: the vectors also test the TypeScript twin; a typing error never passes."""

import hashlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import keys
from tests.support.paths import VECTORS

VECTORS = json.loads((VECTORS / "keys.json").read_text("utf-8"))
GOOD = VECTORS["well_formed"]
prefixes = st.from_regex(keys.PREFIX_SHAPE, fullmatch=True)


@pytest.mark.parametrize("vector", GOOD, ids=lambda one: one["display_prefix"])
def test_a_well_formed_key_has_the_checksum_hash_and_display_prefix_of_the_vectors(vector):
    key = vector["key"]
    assert keys.is_well_formed(key)
    assert keys.checksum(key[:-6]) == vector["checksum"] == key[-6:]
    assert keys.hash_key(key) == vector["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert keys.display_prefix(key) == vector["display_prefix"]


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda one: one["why"])
def test_what_cannot_be_a_key_is_not_well_formed(vector):
    assert not keys.is_well_formed(vector["key"])


def test_a_checksum_is_the_crc_32_in_base_62_with_the_highest_digit_first():
    digits = keys.checksum("llm_abc")
    assert int.from_bytes(zlib.crc32(b"llm_abc").to_bytes(4)) == sum(
        keys.ALPHABET.index(digit) * 62**place for place, digit in enumerate(reversed(digits))
    )


@given(prefixes)
def test_every_made_key_is_well_formed_and_shows_only_four_characters_of_its_secret(prefix):
    key = keys.make_key(prefix)
    assert keys.is_well_formed(key)
    assert key.startswith(f"{prefix}_")
    assert keys.display_prefix(key) == key[: len(prefix) + 5]


@given(st.data())
def test_one_wrong_character_anywhere_is_noticed(data):
    key = data.draw(st.sampled_from(GOOD))["key"]
    place = data.draw(st.integers(0, len(key) - 1))
    wrong = data.draw(st.characters(exclude_characters=key[place], exclude_categories=["Cs"]))
    assert not keys.is_well_formed(key[:place] + wrong + key[place + 1 :])


@given(st.data())
def test_two_neighbours_swapped_are_noticed(data):
    key = data.draw(st.sampled_from(GOOD))["key"]
    place = data.draw(st.integers(0, len(key) - 2))
    one, two = key[place], key[place + 1]
    swapped = key[:place] + two + one + key[place + 2 :]
    assert swapped == key or not keys.is_well_formed(swapped)


@given(st.text())
def test_any_text_at_all_gets_an_answer(text):
    assert keys.is_well_formed(text) in {True, False}


def test_keys_do_not_repeat():
    assert len({keys.make_key("llm") for _ in range(1000)}) == 1000


def test_a_key_in_a_text_for_the_log_is_cut_to_its_prefix():
    key = keys.make_key("llm")
    hidden = keys.hide(f"/v1/{key}/x", 100)
    assert key not in hidden
    assert hidden == f"/v1/{keys.display_prefix(key)}…/x"


@pytest.mark.parametrize("before", range(0, 140, 7))
def test_of_a_key_where_a_long_text_is_cut_no_more_than_its_prefix_is_left(before: int):
    keys_in_it = [keys.make_key("llm") for _ in range(3)]
    text = f"{'- ' * before}{' '.join(keys_in_it)} {'x' * 1000}"
    shown = keys.hide(text, 100)
    assert len(shown) <= 100
    for key in keys_in_it:
        assert key[:12] not in shown


def test_a_long_text_is_cut_before_it_is_looked_through(monkeypatch: pytest.MonkeyPatch):
    looked_through: list[int] = []

    class Shape:
        def sub(self, shown: object, text: str) -> str:
            looked_through.append(len(text))
            return text

    monkeypatch.setattr(keys, "_SHAPE", Shape())
    keys.hide("a" * 10_000_000, 300)
    assert looked_through[0] < 500
