"""Each term of docs/glossary.md is the code's own word."""

import re
from itertools import pairwise

import pytest

from tests.support.paths import ROOT

ROW = re.compile(r"^\| ([a-z][^|]*) \| ([^|]+) \| `(\w+)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")
TERMS = [(found[1], found[3]) for found in ROW.finditer(PAGE)]


@pytest.fixture(scope="module")
def defined() -> set[str]:
    """The names of files and folders, and what is defined in them: classes, functions, values,
    tables and columns."""
    files = [*ROOT.glob("gateway/**/*.py"), *ROOT.glob("tunnel/*.py"), *ROOT.glob("sql/**/*.sql")]
    names = {name for file in files for name in (file.stem, file.parent.name)}
    for file in files:
        text = file.read_text("utf-8")
        names |= set(re.findall(r"^\s*(?:async )?(?:class|def) (\w+)", text, re.MULTILINE))
        names |= set(
            re.findall(r"^\s*(?:self\.)?(\w+)(?:: [^=\n]+)?(?: =|,?$)", text, re.MULTILINE)
        )
        names |= set(re.findall(r"create (?:or replace )?(?:table|function) \w+\.(\w+)", text))
        if file.suffix == ".sql":
            names |= set(re.findall(r"^ {4}(\w+) [a-z]", text, re.MULTILINE))
    return names


def test_the_table_is_read_whole():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert len(TERMS) == len(rows) - 2  # its head and the line below


def test_terms_are_in_order_and_no_name_stands_for_two():
    terms = [term for term, _ in TERMS]
    assert all(one < other for one, other in pairwise(terms))
    names = [name for _, name in TERMS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("term", "name"), TERMS, ids=[term for term, _ in TERMS])
def test_the_code_has_the_name_of_each_term(term: str, name: str, defined: set[str]):
    assert name in defined, term
