"""docs/api.md is what the code says, whole, and its links lead somewhere."""

import re
from collections import Counter

import pytest

from gateway.core.errors import KINDS
from gateway.core.key_fields import SCOPES
from gateway.dialects import all_absent, all_dialects
from gateway.reference.__main__ import markdown
from gateway.reference.as_markdown import Markdown
from gateway.reference.blocks import Code, Listing, Paragraph, Section, Table
from gateway.reference.guide.access import lanes
from gateway.reference.refusals import remedy
from gateway.reference.table import ROUTES
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
TEXT = re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE)  # without its code
HEADINGS = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, hyphens for spaces, nothing else that is no letter."""
    return "".join(
        "-" if one == " " else one for one in heading.lower() if one.isalnum() or one in "-_ "
    )


def test_it_is_made_by_the_command_that_it_names() -> None:
    assert markdown() == PAGE, "run: python -m gateway.reference > docs/api.md"


def test_every_link_leads_to_a_heading() -> None:
    seen: Counter[str] = Counter()
    anchors: set[str] = set()
    for name in map(anchor, HEADINGS):
        anchors.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    targets = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert len(targets) > len(ROUTES)
    assert targets - anchors == set()


def test_every_route_has_a_part_with_an_example() -> None:
    parts = re.split(r"^### ", PAGE, flags=re.MULTILINE)
    for route in ROUTES:
        (part,) = [one for one in parts if one.startswith(f"{route.method} {route.path}\n")]
        assert "```sh\ncurl" in part or "```sh\nprintf" in part


def test_every_dialect_stands_in_the_metering_table() -> None:
    table = PAGE.partition("## Metering")[2].partition("##")[0]
    for dialect in all_dialects():
        assert f"| `{dialect.path}` |" in table


def test_every_code_and_every_missing_path_is_told() -> None:
    for kind in KINDS.values():
        assert f"| `{kind.status}` | `{kind.code}` | `{kind.type}` |" in PAGE
    for path in all_absent():
        assert f"`{path}`" in PAGE


@pytest.mark.parametrize("reason", KINDS)
def test_for_every_refusal_there_is_something_to_do(reason: str) -> None:
    assert remedy(reason)


def test_every_scope_opens_something() -> None:
    (opened,) = [
        block
        for block in lanes().blocks
        if isinstance(block, Table) and block.heads == ("scope", "opens")
    ]
    assert [row[0] for row in opened.rows] == [f"`{scope}`" for scope in SCOPES]
    assert all(row[1] for row in opened.rows)


def test_text_cannot_break_out_of_its_place_in_markdown() -> None:
    below = Section("/b", "x", (), "GET")
    section = Section("A b", "a", (Paragraph("<b> `<b>` [y](#x) | "), below))
    again = Section("a B", "c", (Listing(("[z](#c)", "[w](#a)")),))
    writer = Markdown((section, again))
    assert writer.text(section) == "## A b\n\n&lt;b&gt; `<b>` [y](#get-b) | \n\n### GET /b\n\n"
    assert writer.text(again) == "## a B\n\n- [z](#a-b-1)\n- [w](#a-b)\n\n"
    assert writer.text(Table(("|",), (("`a|b`",),))) == "| \\| |\n| --- |\n| `a\\|b` |\n\n"
    assert writer.text(Code("x\n", "sh", "`y`")) == "`y`:\n\n```sh\nx\n```\n\n"
