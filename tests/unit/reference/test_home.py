"""The page at `/` can be read: contrast of WCAG AA in both color schemes."""

import re

import pytest

from gateway.reference.home import TEMPLATE

LIGHT, DARK = (
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", TEMPLATE, re.DOTALL)
)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["ground", "panel"])
@pytest.mark.parametrize("text", ["text", "quiet", "accent", "good", "bad"])
def test_text_stands_out(scheme: dict[str, str], ground: str, text: str) -> None:
    low, high = sorted((luminance(scheme[ground]), luminance(scheme[text])))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_both_schemes_name_the_same_colors() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert LIGHT != DARK
