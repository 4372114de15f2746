"""The pages that people read, taken apart: shell blocks, commands, links, headings."""

import itertools
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT

NOT_RUN = "# not run here\n"
GENERATED = {"api.md"}  # and has tests of its own, as README.md and supabase.md have
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    marks: list[str]  # what stands behind the three ticks: the language first
    text: str


def blocks(page: Path) -> list[Block]:
    return [
        Block(marks.split() or [""], textwrap.dedent(text))
        for _, marks, text in _BLOCK.findall(page.read_text("utf-8"))
    ]


def shell(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.marks[0] == "sh"]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _BLOCK.sub("", page.read_text("utf-8"))


def headings(page: Path) -> set[str]:
    """The anchors that a link can name, made as GitHub makes them: the second of a name is -1."""
    found: set[str] = set()
    for text in re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        numbered = (f"{name}-{number}" for number in itertools.count(1))
        found.add(next(one for one in itertools.chain([name], numbered) if one not in found))
    return found
