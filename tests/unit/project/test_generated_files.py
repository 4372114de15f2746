"""The files that are made from the settings are those that the code would make now."""

from pathlib import Path

import pytest

from scripts.generated_files import FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_what_the_code_makes(path: Path):
    assert path.read_text("utf-8") == FILES[path](), "run: scripts/make-docs"
