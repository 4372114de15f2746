"""What the owner sees of the request log. Each function returns the JSON of the HTTP API, or a
`Refusal`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from gateway.admin.fields import InvalidField, identifier
from gateway.admin.keys import Answer
from gateway.admin.requests_query import RequestsQuery
from gateway.core.errors import Refusal
from gateway.stores import Store

NO_SUCH = "There is no request with this id in the log."


async def list_requests(store: Store, asked: RequestsQuery) -> Answer:
    """One page, the newest first: `{"object": "list", "data": […], "next_cursor": … or null}`."""
    return await _list(store, asked.filters, asked.cursor, asked.limit)


async def get_request(store: Store, request_id: str) -> Answer:
    """One row of the log."""
    try:
        found = identifier(request_id)
    except InvalidField:
        return Refusal("not_found", NO_SUCH, param="id")
    rows = await logged(store, [found])
    return rows[0] if rows else Refusal("not_found", NO_SUCH, param="id")


async def logged(store: Store, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The rows of these requests that the log has, the newest first. Raises StoreUnavailable."""
    told = await _list(store, {"ids": [str(one) for one in ids]}, None, len(ids))
    return [] if isinstance(told, Refusal) else told["data"]


async def _list(store: Store, filters: dict[str, Any], cursor: str | None, limit: int) -> Answer:
    arguments = {"p_filter": filters, "p_cursor": cursor, "p_limit": limit}
    told = await store.admin("list_requests", arguments)
    if "refusal" in told:
        return Refusal("invalid_request", told["detail"], param="cursor")
    return told
