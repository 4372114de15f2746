"""What keeps people from using a page: what axe-core finds, and what is wider than the window."""

from functools import cache
from pathlib import Path
from typing import Any

from tests.support.node import packages
from tests.support.page import SIZES, Page

_RUN = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => ({
    id, where: nodes.map(({ html, failureSummary }) => [html, failureSummary])
  })))"""


# Widths of windows, and light or dark. A page is made in the first, where the least has room.
LOOKS = tuple(zip(SIZES, ("dark", "light", "dark"), strict=True))
EVERY_LOOK = tuple((width, scheme) for width in SIZES for scheme in ("light", "dark"))


@cache
def _program() -> str:
    folder = packages(Path(__file__).parent)
    return (folder / "axe-core" / "axe.min.js").read_text("utf-8")


async def serious(page: Page) -> list[dict[str, Any]]:
    """Each rule that is broken, and where."""
    if not await page.run("'axe' in window"):
        await page.run(f"{_program()}; true")
    return await page.run(_RUN)


async def barriers(
    page: Page, looks: tuple[tuple[int, str], ...] = LOOKS
) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """In which looks of the page there is something, and what: broken rules, and `overflow`, the
    pixels that do not fit. The page is not loaded again: its window is made narrow and wide."""
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for width, scheme in looks:
        await page.look(width, scheme)
        wrong = await serious(page)
        if (pixels := await page.overflow()) > 0:
            wrong.append({"overflow": pixels})
        if wrong:
            found[width, scheme] = wrong
    return found
