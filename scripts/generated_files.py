"""The files that are made from the table of settings, and what they should contain.

(`python -m gateway.reference` makes docs/api.md; scripts/make-docs makes them all.)
"""

import re
from collections.abc import Callable
from pathlib import Path

from gateway.config import settings_documents

ROOT = Path(__file__).parent.parent
_CONFIGURATION = ROOT / "docs" / "configuration.md"
_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def _configuration() -> str:
    """The page as it is, with the table of settings made again."""
    page, count = _TABLE.subn(
        lambda _: settings_documents.markdown_table(), _CONFIGURATION.read_text("utf-8")
    )
    assert count == 1, "docs/configuration.md has lost the place of its table"
    return page


FILES: dict[Path, Callable[[], str]] = {
    ROOT / ".env.example": settings_documents.dotenv_example,
    _CONFIGURATION: _configuration,
}

if __name__ == "__main__":
    for path, make in FILES.items():
        path.write_text(make(), "utf-8")
