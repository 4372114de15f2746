"""The pages of the examples on wide and narrow windows, light and dark."""

import shutil
from pathlib import Path

import pytest

from tests.support.browser import Browser, chromium, one_loop
from tests.support.website.site import EXAMPLES, new_origin, static
from tests.support.website.turnstile import CLOUDFLARE

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
FOLDERS = sorted(page.parent for page in EXAMPLES.glob("web*/**/index.html"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: str(one.relative_to(EXAMPLES)))
async def test_a_page_fits_the_window_and_follows_light_and_dark(
    folder: Path, chromium: Browser, tmp_path: Path
) -> None:
    site = shutil.copytree(folder, tmp_path / "site", ignore=shutil.ignore_patterns("node_modules"))
    page = site / "index.html"
    page.write_text(page.read_text("utf-8").replace(f"{CLOUDFLARE}/", "/"), "utf-8")
    with static(site, new_origin()) as origin:
        seen = [
            await chromium.visit(origin, width, scheme)
            for width, scheme in ((1280, "light"), (360, "dark"))
        ]
    assert [one.overflow for one in seen] == [0, 0]
    assert seen[0].background != seen[1].background
    assert "Question" in seen[0].text
    assert {url.split("/")[2] for one in seen for url in one.requested if url[0] == "h"} == {
        origin.partition("//")[2]
    }
