"""Names that others chose, in messages that a program of the owner shows: they say what they say,
and do nothing there."""

import unicodedata

_LONGEST = 60  # characters
# What means something to chat programs: mentions, Markdown, HTML, links, shortcuts for emoji. Each
# has a wide twin, which looks alike and means nothing.
_WIDE = {ord(sign): ord(sign) + 0xFEE0 for sign in "!#$&*/:;<=>@[\\]^_`{|}~()"}
_DOT = "\u2024"  # a one dot leader: evil.example would become a link


def harmless(name: object) -> str:
    """On one line, without invisible signs, and not too long; `…` where something is left out."""
    text = "".join(" " if _is_hidden(sign) else sign for sign in str(name)[:1000])
    text = " ".join(text.split())
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return _without_links(text.translate(_WIDE)) or "–"


def _is_hidden(sign: str) -> bool:
    """Control and format characters, such as those that turn the direction of text; halves of
    surrogates, and signs that no program knows."""
    return unicodedata.category(sign)[0] == "C" or unicodedata.category(sign) in {"Zl", "Zp"}


def _without_links(text: str) -> str:
    """A dot between letters is part of a name such as evil.example; between digits it is not."""
    signs = list(text)
    for place in range(1, len(signs) - 1):
        if signs[place] == "." and signs[place + 1].isalpha():
            signs[place] = _DOT
    return "".join(signs)
