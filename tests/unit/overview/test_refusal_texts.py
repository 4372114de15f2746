"""What is kept of a refusal's text: what is wrong, and nothing of what a caller wrote."""

import pytest

from gateway.overview.refusals import _without_quotes

PROMPT = "My doctor says I am ill and I do not know what to tell my children"


@pytest.mark.parametrize(
    "text",
    [
        f"Object contains unknown field `{PROMPT}`",
        f"Object contains unknown field `{PROMPT}` - at `$.messages`",
        'Invalid enum value "My doctor says it\'s cancer"',
        f"model '{PROMPT}' not found",
        f"The model 'a b c' and \"{PROMPT}\"",
        "model 'it's cancer' not found",
        "field `my secret`",
        f"`{PROMPT * 100}`",
        f"Object contains unknown field `{PROMPT * 100}",
        f"'{'x' * 500}{PROMPT * 100}' is unknown",
    ],
)
def test_nothing_that_a_caller_wrote_is_left_of_a_text(text: str) -> None:
    told = _without_quotes(text)
    for word in ("doctor", "cancer", "children", "a b c", "my secret"):
        assert word not in told


@pytest.mark.parametrize(
    "text",
    [
        "Expected `int`, got `str` - at `$.messages[0].content`",
        "The parameter 'limit' is given twice.",
        "model 'gemma3' not found",
        "It's used up: the key's month ends soon.",
        "",
    ],
)
def test_names_stay_and_so_does_the_rest(text: str) -> None:
    assert _without_quotes(text) == text
