"""settle_requests: a batch comes to the same as its requests, each settled by itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.sql.ledger import NOON, Key, Ledger, settlement

pytestmark = pytest.mark.anyio

LAST_MONTH = datetime(2029, 12, 30, 12, tzinfo=UTC)
LIMIT = 120  # tokens, so that some are charged less than they came to
VISITOR = {"address": "198.51.100.7"}  # of the last key
KEYS = 3
KINDS = ("held", "last month", "lost", "lent", "late", "unknown")
# The asking of a request that was let through without the store, and is counted, arrives late.
_HELD_LATE = """
with held as (
    update gateway.holds as h
    set api_key_id = $2, authorized_at = $3, tokens = 30, model = 'a-model', released_at = null
    where h.request_id = $1
    returning h.api_key_id
)
update gateway.key_counters as c set tokens_held = c.tokens_held + 30
from held where c.api_key_id = held.api_key_id
"""
_BOOKS = (
    """select prompt_tokens, completion_tokens, charged_tokens, model, created_at
    from gateway.usage_logs where api_key_id = $1 order by request_id""",
    """select day, model, requests, total_tokens, charged_tokens
    from gateway.usage_daily where api_key_id = $1 order by day, model""",
    """select day, tokens_used, tokens_held, requests
    from gateway.visitor_counters where api_key_id = $1 order by day, id""",
    """select tokens_used, tokens_held, requests, month_start
    from gateway.key_counters where api_key_id = $1""",
    "select tokens, granted from gateway.holds where api_key_id = $1 order by request_id",
)


class Request(NamedTuple):
    """`kind`: held; of last month; lost, its hold with a crash; lent, let through without the
    store; late, the same, but counted before it was held; or unknown."""

    key: int
    kind: str
    prompt: int
    completion: int
    model: str


requests = st.builds(
    Request,
    st.integers(0, KEYS - 1),
    st.sampled_from([*KINDS, "held", "last month", "last month"]),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from(["a-model", "b-model"]),
)


async def make_keys(ledger: Ledger) -> list[Key]:
    """In the order in which a batch takes them. The last one has visitors."""
    made = [await ledger.key(LAST_MONTH, limit=LIMIT) for _ in range(KEYS)]
    keys = sorted(made, key=lambda one: one.id)
    by_address = "update gateway.api_keys set visitors = $2 where id = $1"
    limits = '{"by": ["address"], "tokens_per_day": 90}'
    await ledger.connection.execute(by_address, keys[-1].id, limits)
    return keys


async def run(ledger: Ledger, key: Key, request: UUID, one: Request) -> dict[str, Any]:
    """Let it through, if its kind is, and its key has room; its settlement."""
    at = LAST_MONTH if one.kind == "last month" else NOON
    known: dict[str, Any] = {"model": one.model, "key_id": str(key.id), "authorized_at": str(at)}
    told = settlement(request, one.prompt, one.completion, **known)
    if one.kind == "late":
        await ledger.settle(told | {"lent": True})
        await ledger.connection.execute(_HELD_LATE, request, key.id, NOON)
    elif one.kind in {"held", "last month"}:
        visitor = VISITOR if one.key == KEYS - 1 else None
        ask: dict[str, Any] = {"prompt": 20, "output": 10, "model": one.model, "visitor": visitor}
        verdict = await ledger.authorize(key, at, request=request, **ask)
        one = one if verdict.allowed else one._replace(kind="unknown")
    lent = {"lent": True} if one.kind in {"lent", "late"} else {}
    return told | lent | ({"key_id": None} if one.kind == "unknown" else {})


async def books(ledger: Ledger, keys: Sequence[Key]) -> list[list[tuple[Any, ...]]]:
    fetch = ledger.connection.fetch
    return [[tuple(row) for row in await fetch(sql, key.id)] for key in keys for sql in _BOOKS]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(asked=st.lists(requests, min_size=1, max_size=12))
async def test_a_batch_comes_to_the_same_as_its_requests_one_by_one(
    ledger: Ledger, asked: list[Request]
):
    asked = sorted(asked, key=lambda one: one.key)
    found: list[Any] = []
    for at_once in (True, False):
        keys = await make_keys(ledger)
        start = await ledger.value("select count(*) from gateway.api_keys") << 64
        items = [
            await run(ledger, keys[one.key], UUID(int=start + number), one)
            for number, one in enumerate(asked)
        ]
        if at_once:
            counts = [await ledger.settle(*reversed(items))]
        else:
            counts = [await ledger.settle(item) for item in items]
        again = await ledger.settle(*items)
        sums = tuple(map(sum, zip(*counts, strict=True)))
        found.append((sums, again, await books(ledger, keys)))
    assert found[0] == found[1]
    assert found[0][1] == (0, len(asked)), "nothing is counted twice"
