"""Public names of a tunnel."""

import re

import idna

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def hostname(text: str) -> str:
    """The name in what a person typed, as DNS has it. ValueError says what it should be."""
    name = text.strip().lower().removeprefix("https://").rstrip("/.")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            raise ValueError("should be a name such as llm.example.com") from None
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("should be a name such as llm.example.com")
    if labels[-1].isdigit():
        raise ValueError("should be a name, not an address")
    return name
