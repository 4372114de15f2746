"""How many tokens a text has, told without a tokenizer.

Words of Latin letters are cut into pieces of about four, a digit and a run of punctuation are a
token each, and so on: the weights were fitted to the demo model's tokenizer. `python -m
bench.estimate` tells how far off they are, on texts that they were not fitted to.
"""

_LETTERS = bytes(range(ord("A"), ord("Z") + 1)) + bytes(range(ord("a"), ord("z") + 1))
_DIGITS = b"0123456789"
_MARKS = bytes(one for one in range(0x21, 0x7F) if one not in _LETTERS and one not in _DIGITS)
_RUNS = bytes(0x21 if one in _MARKS else 0x20 for one in range(256))
# The first bytes of characters in UTF-8: of East Asian scripts and symbols; of emoji and scripts
# that no vocabulary has, where nearly each byte is a token; and of all others that are no ASCII.
_WIDE = bytes(range(0xE3, 0xF0))
_RARE = bytes(range(0xF0, 0xF5))
_OTHER = bytes(range(0xC2, 0xE3))

PICTURE = 1000  # tokens; models take from 256 to a few thousand


def estimate_tokens(text: bytes) -> float:
    """Tokens of a text in UTF-8. It takes about 5 ms for a megabyte."""
    runs = (b" " + text).translate(_RUNS).count(b" !")
    return (
        0.24 * _count(text, _LETTERS)
        + 1.0 * _count(text, _DIGITS)
        + 1.15 * runs
        + 0.61 * _count(text, _WIDE)
        + 3.0 * _count(text, _RARE)
        + 0.2 * _count(text, _OTHER)
        + 0.66 * text.count(b"\n")
    )


def _count(text: bytes, some: bytes) -> int:
    return len(text) - len(text.translate(None, some))
