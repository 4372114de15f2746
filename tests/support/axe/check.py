"""What axe-core finds in a page that keeps people from using it."""

from functools import cache
from pathlib import Path
from typing import Any

from tests.support.node import packages
from tests.support.page import Page

_RUN = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => ({
    id, where: nodes.map(({ html, failureSummary }) => [html, failureSummary])
  })))"""


@cache
def _program() -> str:
    folder = packages(Path(__file__).parent)
    return (folder / "axe-core" / "axe.min.js").read_text("utf-8")


async def serious(page: Page) -> list[dict[str, Any]]:
    """Each rule that is broken, and where."""
    if not await page.run("'axe' in window"):
        await page.run(f"{_program()}; true")
    return await page.run(_RUN)
