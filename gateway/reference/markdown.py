"""Pieces of Markdown, as GitHub shows it."""

import re
from collections.abc import Iterable

_CODE_OR_TAG = re.compile(r"(`[^`]+`)|[<>]")
_LINK = re.compile(r"\[([^\]]+)\]\(#[^)]+\)")


def prose(text: str) -> str:
    """Text in which nothing is an HTML tag; what stands in backticks stays as it is."""
    return _CODE_OR_TAG.sub(lambda found: found[1] or {"<": "&lt;", ">": "&gt;"}[found[0]], text)


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    cells = ([prose(cell).replace("|", "\\|") for cell in row] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def code(text: str, language: str = "text") -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def listed(items: Iterable[str]) -> str:
    """`a`, `b`, `c`."""
    return ", ".join(f"`{item}`" for item in items)


def link(heading: str) -> str:
    """A link to a heading of the same page."""
    return f"[{heading}](#{anchor(heading)})"


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def without_links(text: str) -> str:
    """Links within the page become their text, for places that have other anchors."""
    return _LINK.sub(r"\1", text)
