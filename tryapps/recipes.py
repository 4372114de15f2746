"""What docs/apps.md tells people to do, taken from there: what is tried is what is written.

A block of the page with `try=NAME` behind its language belongs to the trial NAME. With `file=PATH`
it is a file, in the home folder (`~/`) or beside the program; without it is a piece of shell, whose
exports the program gets.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "apps.md"
URL, KEY, MODEL = "http://127.0.0.1:8000", "llm_YOUR_KEY", "qwen3:8b"  # as written on the page
_BLOCK = re.compile(r"^```(\w+)((?: \w+=\S+)+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of the page. `file`: None for a piece of shell."""

    text: str
    file: str | None

    def filled(self, url: str, key: str, model: str) -> str:
        """With a gateway's own address, key and model."""
        host = URL.removeprefix("http://")  # a key may stand before it
        text = self.text.replace(host, url.removeprefix("http://"))
        return text.replace(KEY, key).replace(MODEL, model)


def blocks(page: str, name: str) -> list[Block]:
    """Those of one trial, in the page's order."""
    found: list[Block] = []
    for _, marks, text in _BLOCK.findall(page):
        given = dict(mark.split("=", 1) for mark in marks.split())
        if given.get("try") == name:
            found.append(Block(text, given.get("file")))
    return found
