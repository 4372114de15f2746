"""What may be asked of usage, and what is refused in which words."""

from datetime import date

import pytest

from gateway.admin.usage_query import OF_ALL_KEYS, OF_ONE_KEY, UsageQuery, read
from gateway.core.errors import Refusal

NAMES = "The parameters here are from, to, group_by."
DAYS = "Dates should have the form 2026-11-24."
GROUPS = "group_by should be some of month, day, model, separated by commas, each once."


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (b"", UsageQuery()),
        (b"&&", UsageQuery()),
        (b"from=2026-01-01", UsageQuery(date(2026, 1, 1))),
        (b"to=2026-01-31&from=2026-01-01", UsageQuery(date(2026, 1, 1), date(2026, 1, 31))),
        (b"from=0001-01-01&to=9999-12-31", UsageQuery(date.min, date.max)),
        (b"group_by=model", UsageQuery(group_by=("model",))),
        (b"group_by=model,day", UsageQuery(group_by=("day", "model"))),
        (b"group%5Fby=model%2Cmonth%2Cday", UsageQuery(group_by=("month", "day", "model"))),
    ],
)
def test_a_range_and_a_grouping_are_read(query: bytes, asked: UsageQuery) -> None:
    assert read(query, OF_ONE_KEY) == asked


@pytest.mark.parametrize(
    ("query", "words", "param"),
    [
        (b"form=2026-01-01", NAMES, None),
        (b"From=2026-01-01", NAMES, None),
        (b"=", NAMES, None),
        (b"%ff=1", NAMES, None),
        (b"api_key_id=x", NAMES, None),
        (b"from=2026-01-01&from=2026-01-01", "The parameter 'from' is given twice.", "from"),
        (b"group_by=day&group_by=model", "The parameter 'group_by' is given twice.", "group_by"),
        (b"from=", DAYS, "from"),
        (b"from", DAYS, "from"),
        (b"to=2026-02-30", DAYS, "to"),
        (b"to=2026-1-1", DAYS, "to"),
        (b"to=20260101", DAYS, "to"),
        (b"to=2026-01-01T00:00:00Z", DAYS, "to"),
        (b"to=+2026-01-01", DAYS, "to"),
        (b"from=0000-01-01", DAYS, "from"),
        (b"from=\xff", DAYS, "from"),
        (b"group_by=", GROUPS, "group_by"),
        (b"group_by=hour", GROUPS, "group_by"),
        (b"group_by=key", GROUPS, "group_by"),
        (b"group_by=endpoint", GROUPS, "group_by"),
        (b"group_by=Day", GROUPS, "group_by"),
        (b"group_by=day,day", GROUPS, "group_by"),
        (b"group_by=day,", GROUPS, "group_by"),
        (b"group_by=day,+model", GROUPS, "group_by"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(
    query: bytes, words: str, param: str | None
) -> None:
    refusal = read(query, OF_ONE_KEY)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind.status, refusal.message, refusal.param) == (400, words, param)


def test_the_owner_may_ask_for_one_key_and_by_key() -> None:
    asked = read(b"api_key_id=x&group_by=key,month", OF_ALL_KEYS, ("api_key_id",))
    assert asked == UsageQuery(group_by=("month", "key"), key_id="x")
    again = read(b"api_key_id=x&api_key_id=x", OF_ALL_KEYS, ("api_key_id",))
    assert isinstance(again, Refusal)


def test_a_key_s_holder_does_not_see_its_visitors() -> None:
    refusal = read(b"group_by=visitor", OF_ONE_KEY)
    assert isinstance(refusal, Refusal) and refusal.message == GROUPS
    assert read(b"group_by=visitor,day", OF_ALL_KEYS) == UsageQuery(group_by=("day", "visitor"))
