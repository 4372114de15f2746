"""The modules of a page find each other under the addresses that browsers get."""

import posixpath
import re

import pytest

from gateway.routes.console import MAIN
from gateway.routes.support.module_pages import SHARED
from gateway.static import FOLDER
from gateway.static.tree import Tree

TREE = Tree("/console", *SHARED, "console/**/*")
# Of static and dynamic imports, and of exports.
NAMED = re.compile(r"""(?:(?<!["'])\bfrom ?|\bimport ?\(?)["']([^"'$]+)["']""")
MOST = 250_000  # bytes of all files together


def short() -> str:
    return TREE.base.rpartition("/")[2]


def names() -> list[str]:
    return [name for name in TREE.names if name.endswith(("js", "mjs"))]


@pytest.mark.parametrize("name", names())
def test_each_import_is_a_relative_path_to_a_file_that_is_served(name: str) -> None:
    found = TREE.find(short(), name)
    assert found and found[1] == "text/javascript"
    if name.endswith("snippets.js"):  # holds programs for others
        return
    text = re.sub(r"(?s)/\*.*?\*/", "", found[0].decode())  # where types are imported
    for other in NAMED.findall(text):
        assert other.startswith("."), other
        assert TREE.find(short(), posixpath.normpath(f"{posixpath.dirname(name)}/{other}")), other


def test_what_the_page_imports_at_once_is_known_with_the_libraries() -> None:
    found = TREE.imported(MAIN)
    assert {"console/shell.js", "vendor/preact/preact.mjs", "vendor/preact/hooks.mjs"} <= set(found)
    assert "console/pages/keys.js" not in found  # comes when it is shown
    assert len(found) == len(set(found))


def test_a_file_is_found_under_the_digest_of_all_only() -> None:
    assert TREE.find(short(), MAIN)
    assert TREE.find("0" * 16, MAIN) is None
    for other in ("", "console", "console/../policy.py", "/etc/passwd", "policy.py", "deno.json"):
        assert TREE.find(short(), other) is None


def test_everything_together_is_small() -> None:
    assert TREE.size <= MOST


def test_of_the_projects_modules_types_alone_are_left_out_and_lines_keep_their_numbers() -> None:
    for name in names():
        if name.startswith("vendor/"):
            continue
        found = TREE.find(short(), name)
        assert found
        lines = (FOLDER / name).read_text("utf-8").split("\n")
        served = found[0].decode().split("\n")
        assert len(served) == len(lines)
        left_out = [one for one, other in zip(lines, served, strict=True) if one != other]
        for line in left_out:
            assert re.match(r" *(/\*\*| \*)", line), line
            assert "*/" not in line.rstrip().removesuffix("*/"), line
