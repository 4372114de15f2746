"""Blocks of the reference as Markdown, as GitHub shows it."""

import re
from collections.abc import Iterator

from gateway.reference.blocks import Block, Code, Listing, Paragraph, Section, Table

_LINK = re.compile(r"\]\(#([^)\s]+)\)")
_TAG = re.compile(r"(`[^`]+`)|[<>]")


class Markdown:
    """Writes sections down; a link to a section's id becomes one to its heading."""

    def __init__(self, sections: tuple[Section, ...]) -> None:
        self._anchors: dict[str, str] = {}
        used: dict[str, int] = {}
        for section in _all(sections):
            anchor = _anchor(_title(section))
            again = used.get(anchor, -1) + 1
            used[anchor] = again
            if section.id:
                self._anchors[section.id] = f"{anchor}-{again}" if again else anchor

    def text(self, block: Block, depth: int = 2) -> str:
        """One block, ended by an empty line; `depth` is the level of a section's heading."""
        match block:
            case Paragraph(text):
                return f"{self._prose(text)}\n\n"
            case Listing(items):
                return "".join(f"- {self._prose(item)}\n" for item in items) + "\n"
            case Table(heads, rows):
                return self._table(heads, rows)
            case Code(text, language, folded):
                head = f"{self._prose(folded)}:\n\n" if folded else ""
                return f"{head}```{language}\n{text.rstrip()}\n```\n\n"
            case Section():
                inner = (self.text(one, depth + 1) for one in block.blocks)
                return f"{'#' * depth} {_title(block)}\n\n{''.join(inner)}"

    def contents(self, sections: tuple[Section, ...]) -> str:
        """A list of links to them, and to the routes in them."""
        lines: list[str] = []
        for section in sections:
            lines.append(f"- [{section.title}](#{self._anchors[section.id]})")
            routes = [one for one in section.blocks if isinstance(one, Section) and one.method]
            lines += [f"  - [{_title(one)}](#{self._anchors[one.id]})" for one in routes]
        return "\n".join(lines) + "\n\n"

    def _prose(self, text: str) -> str:
        text = _TAG.sub(lambda found: found[1] or {"<": "&lt;", ">": "&gt;"}[found[0]], text)
        return _LINK.sub(lambda found: f"](#{self._anchors[found[1]]})", text)

    def _table(self, heads: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
        lines = [heads, ("---",) * len(heads), *rows]
        cells = ([self._prose(cell).replace("|", "\\|") for cell in row] for row in lines)
        return "".join(f"| {' | '.join(row)} |\n" for row in cells) + "\n"


def _title(section: Section) -> str:
    return f"{section.method} {section.title}" if section.method else section.title


def _all(sections: tuple[Section, ...]) -> Iterator[Section]:
    for section in sections:
        yield section
        yield from _all(tuple(one for one in section.blocks if isinstance(one, Section)))


def _anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
