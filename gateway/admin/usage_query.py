"""The parameters of usage reports: a range of days (UTC), and how the rows are grouped.

Its TypeScript twin is `supabase/functions/admin/usage.ts`. Daily totals are kept forever, so no
range is too long. They contain days, keys and models, or days, keys and visitors, nothing else;
use by the hour comes from the log, of 31 days at most.
"""

from datetime import date
from typing import NamedTuple

import msgspec

from gateway.admin.query_string import parameters
from gateway.core.errors import Refusal

# In the order in which rows are sorted:
OF_ONE_KEY = ("month", "day", "model")
OF_ALL_KEYS = ("month", "day", "hour", "key", "model", "visitor")
_NAMES = ("from", "to", "group_by")


class UsageQuery(NamedTuple):
    """The range includes both days. `start` None: the first of the month of `end`; `end` None:
    today. Empty `group_by`: rows as they are stored, by day, key and model."""

    start: date | None = None
    end: date | None = None
    group_by: tuple[str, ...] = ()
    key_id: str | None = None


def read(query: bytes, groups: tuple[str, ...], also: tuple[str, ...] = ()) -> UsageQuery | Refusal:
    """Parse a query string. `groups` may be grouped by; `also` names further parameters, such as
    `api_key_id`."""
    given = parameters(query, (*_NAMES, *also))
    if isinstance(given, Refusal):
        return given
    days: list[date | None] = []
    for name in ("from", "to"):
        try:
            days.append(msgspec.convert(given[name], date) if name in given else None)
        except msgspec.ValidationError:
            return Refusal("invalid_request", "Dates should have the form 2026-11-24.", param=name)
    try:
        group_by = grouping(given["group_by"], groups) if "group_by" in given else ()
    except ValueError as problem:
        return Refusal("invalid_request", f"group_by {problem}.", param="group_by")
    return UsageQuery(days[0], days[1], group_by, given.get("api_key_id"))


def grouping(text: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Parse a list such as `month,model`. Raises ValueError for an unknown or repeated group, and
    for two that do not go together."""
    names = text.split(",")
    if len(set(names)) < len(names) or not set(names) <= set(groups):
        raise ValueError(f"should be some of {', '.join(groups)}, separated by commas, each once")
    if {"model", "visitor"} <= set(names):
        raise ValueError("has model or visitor, not both: of visitors no models are kept")
    return tuple(name for name in groups if name in names)
