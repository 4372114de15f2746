"""What a forwarded prompt is taken for, where the model server does not say."""

import json

import pytest

from gateway.proxy.prompt_estimate import estimate_prompt, sample

ENGLISH = "The quick brown fox jumps over the lazy dog, and nobody knows why. " * 60


def estimated(text: str) -> int:
    body = json.dumps({"messages": [{"content": text}]}, ensure_ascii=False).encode()
    return estimate_prompt(len(text.encode()), 0, sample(body))


def test_without_a_sample_it_is_four_bytes_a_token_and_eight_for_each_message():
    assert estimate_prompt(401, 2) == 101 + 16


def test_digits_are_a_token_each():
    assert 2_700 <= estimated("7391046258" * 300) <= 3_000


def test_characters_of_rare_scripts_are_about_a_token_a_byte():
    assert 2_200 <= estimated("\N{EGYPTIAN HIEROGLYPH A001}" * 750) <= 3_000


def test_prose_stays_at_about_four_bytes_a_token():
    size = len(ENGLISH)
    assert size / 4 <= estimated(ENGLISH) <= size / 3


def test_what_is_dense_in_a_large_prompt_is_found_wherever_it_stands():
    dense = "7391046258" * 3000
    for text in (dense + ENGLISH, ENGLISH + dense, ENGLISH[:2000] + dense + ENGLISH[:2000]):
        assert estimated(text) > len(text) / 3


def test_a_letter_here_and_there_makes_no_picture_of_digits():
    assert estimated(("7391046258" * 12 + "Aa") * 25) > 2_700


def test_an_encoded_picture_is_not_read_as_text():
    picture = "iVBORw0KGgoAAAANSUhEUgAA" * 1000
    body = json.dumps({"images": [picture]}).encode()
    assert estimate_prompt(16_384, 1, sample(body)) <= 16_384 // 4 + 1000


def test_the_sample_of_a_large_prompt_is_small():
    assert len(sample(b"x" * 20_000_000)) < 5000


@pytest.mark.parametrize(("ratio", "tokens"), [(1.0, 100), (2.0, 200)])
def test_the_model_s_own_ratio_counts(ratio: float, tokens: int):
    assert estimate_prompt(400, 0, b"", ratio) == tokens
