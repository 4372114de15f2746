"""The tables of the reference are those that the code goes by: a type fares as its row says."""

from typing import Any

import pytest

from gateway.dialects import all_dialects
from gateway.dialects.anthropic import kinds as messages
from gateway.dialects.ollama import kinds as native
from gateway.dialects.openai.chat import kinds as chat
from gateway.dialects.openai.responses import kinds as responses
from gateway.dialects.shared.kinds import Kinds
from gateway.dialects.shared.strict_json import Refused

TABLES: list[Kinds] = [
    *(chat.TOOLS, chat.CALLS, chat.PARTS),
    *(responses.TOOLS, responses.ITEMS, responses.PARTS),
    *(messages.TOOLS, messages.BLOCKS, messages.RESULTS, messages.SYSTEM),
    native.TOOLS,
]
ROWS = [(table, name) for table in TABLES for name in table.known]


def test_each_table_is_shown_with_its_route():
    shown = {place for one in all_dialects() for place in one.reference.places}
    assert {table.table() for table in TABLES} <= shown
    with_body = {one.path for one in all_dialects() if one.reference.places}
    assert {one.path for one in all_dialects() if one.native} <= with_body


@pytest.mark.parametrize(
    ("table", "name"), ROWS, ids=lambda one: one.title if isinstance(one, Kinds) else one
)
def test_a_type_fares_as_its_row_says(table: Kinds, name: str):
    thing: dict[str, Any] = {"type": name, "name": "n", "text": "words", "tools": []}
    left: list[str] = []
    fate = table.known[name].fate
    if fate == "refused":
        with pytest.raises(Refused):
            table.sifted([thing], left, "x")
        return
    made = table.sifted([dict(thing)], left, "x")
    if fate == "kept":
        assert made == [thing]
    elif fate == "left out":
        assert (made, left) == ([], [f"{table.place}.{name}"])
    else:
        assert made != [thing] or name in {"image", "document"}


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.title)
def test_what_is_no_object_is_left_to_the_shape(table: Kinds):
    holder: dict[str, Any] = {"x": [5, None, "x", []]}
    table.sift(holder, "x", [])
    assert holder["x"] == [5, None, "x", []]
    for other in (None, 5, "x", {"type": "y"}):
        holder = {"x": other}
        table.sift(holder, "x", [])
        assert holder == {"x": other}
