"""docs/api.md is what the code says, whole, and its links lead somewhere."""

import re
from collections import Counter

import pytest

from gateway.core.error_kinds import KINDS
from gateway.core.key_fields import SCOPES
from gateway.dialects import all_absent, all_dialects
from gateway.reference.__main__ import markdown
from gateway.reference.markdown import code, link, prose, table, without_links
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


def test_every_link_leads_to_one_heading() -> None:
    seen = Counter(map(anchor, HEADINGS))  # of a second one of that name the anchor is another
    targets = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert len(targets) > len(ROUTES)
    assert {target: seen[target] for target in targets} == dict.fromkeys(targets, 1)


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
    (opened,) = re.findall(r"^\| scope \| opens \|\n\| --- \| --- \|\n((?:\|.*\n)+)", PAGE, re.M)
    rows = [line.strip("| ").split(" | ") for line in opened.splitlines()]
    assert [row[0] for row in rows] == [f"`{scope}`" for scope in SCOPES]
    assert all(row[1] for row in rows)


def test_text_cannot_break_out_of_its_place_in_markdown() -> None:
    assert prose("<b> `<b>` [y](#x) | ") == "&lt;b&gt; `<b>` [y](#x) | "
    assert table(("|",), [("`a|b`",)]) == "| \\| |\n| --- |\n| `a\\|b` |"
    assert code("x\n", "sh") == "```sh\nx\n```"
    assert link("GET /v1/models/{model}") == "[GET /v1/models/{model}](#get-v1modelsmodel)"
    assert without_links("a [b](#c) `d`") == "a b `d`"
