"""What the reference is made of, before it is HTML or Markdown.

Text is prose: `backticks` mark code, `**…**` what is strong, `*…*` what is stressed, and
`[text](#id)` leads to the section of that id.
"""

from typing import NamedTuple


class Paragraph(NamedTuple):
    text: str


class Listing(NamedTuple):
    items: tuple[str, ...]


class Table(NamedTuple):
    """Cells are prose."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Code(NamedTuple):
    """`language` is sh, json, or text; `title` stands where it may be folded away."""

    text: str
    language: str = "text"
    title: str = ""


class Section(NamedTuple):
    """`title` is prose, or the path of a route that has this `method`."""

    title: str
    id: str
    blocks: "tuple[Block, ...]"
    method: str = ""


Block = Paragraph | Listing | Table | Code | Section


def listed(items: "tuple[str, ...] | list[str]") -> str:
    """`a`, `b`, `c`."""
    return ", ".join(f"`{item}`" for item in items)
