"""The parameters of the request log: what it is filtered by, and which page of it.

Its TypeScript twin is `supabase/functions/admin/requests.ts`; the contract suite asks both alike.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gateway.admin.fields import InvalidField, identifier, moment
from gateway.admin.keepable import UNKEEPABLE, is_keepable
from gateway.admin.query_string import parameters
from gateway.core.errors import Refusal

MOST = 200  # rows on one page
_IDS = ("api_key_id", "visitor")
_TIMES = ("from", "to")
_WORDS = ("model", "status", "usage_source", "route")
NAMES = ("cursor", "limit", *_IDS, *_WORDS, *_TIMES)
_DAY = 10  # characters


class RequestsQuery(NamedTuple):
    """`filters`: as SQL `list_requests` takes them. `cursor`: of the page before."""

    filters: dict[str, Any]
    cursor: str | None
    limit: int


def read(query: bytes) -> RequestsQuery | Refusal:
    """Parse a query string."""
    given = parameters(query, NAMES)
    if isinstance(given, Refusal):
        return given
    limit, cursor = given.pop("limit", "50"), given.pop("cursor", None)
    if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and 1 <= int(limit) <= MOST):
        text = f"limit should be a number between 1 and {MOST}."
        return Refusal("invalid_request", text, param="limit")
    if cursor is not None and not cursor.isprintable():  # Postgres takes no zero byte
        text = "This cursor is not one that a list gave."
        return Refusal("invalid_request", text, param="cursor")
    filters: dict[str, Any] = {}
    for name, value in given.items():
        try:
            filters[name] = _filter(name, value)
        except ValueError as problem:
            text = f"{name} {str(problem).rstrip('.')}."
            return Refusal("invalid_request", text, param=name)
    return RequestsQuery(filters, cursor, int(limit))


def _filter(name: str, value: str) -> str:
    if name in _IDS:
        try:
            return str(identifier(value))
        except InvalidField:
            raise ValueError("should be an id, as the log shows it") from None
    if name in _TIMES:
        return _moment(name, value).isoformat()
    if not is_keepable(value):
        raise ValueError(UNKEEPABLE)
    return value


def _moment(name: str, value: str) -> datetime:
    """`to` is the first moment that is too late; a day alone means all of it."""
    found = moment(value)
    try:
        whole_day = name == "to" and len(value.strip()) == _DAY
        return found + timedelta(days=1) if whole_day else found
    except OverflowError:
        return found
