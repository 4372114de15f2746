"""list_requests with a long log: what a page reads does not grow with it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sql.ledger import Ledger

pytestmark = pytest.mark.anyio

ROWS = 100_000
# Three months; of each column one value that is rare, and one that nearly all have.
_FILL = f"""
insert into gateway.usage_logs (
    request_id, api_key_id, model, endpoint, prompt_tokens, completion_tokens, total_tokens,
    charged_tokens, usage_source, status, created_at, visitor
)
select
    gen_random_uuid(),
    ('00000000-0000-4000-8000-' || lpad((n % 1000)::text, 12, '0'))::uuid,
    case when n % 5000 = 7 then 'rare' else 'often-' || n % 3 end,
    case when n % 5000 = 9 then '/api/embed' else '/v1/chat/completions' end,
    1, 1, 2, 2,
    case when n % 1000 = 3 then 'estimated' else 'reported' end,
    case when n % 1000 = 5 then 'client_gone' else 'ok' end,
    '2030-01-15 12:00Z'::timestamptz - n * interval '80 seconds',
    case
        when n % 10 = 0 then ('00000000-0000-4000-9000-' || lpad((n % 500)::text, 12, '0'))::uuid
    end
from generate_series(1, {ROWS}) as n
"""
FILTERS: list[dict[str, Any]] = [
    {},
    {"api_key_id": "00000000-0000-4000-8000-000000000007"},
    {"api_key_id": "00000000-0000-4000-8000-00000000ffff"},
    {"visitor": "00000000-0000-4000-9000-000000000010"},
    {"model": "often-1"},
    {"route": "/v1/chat/completions"},
    {"status": "client_gone"},
    {"status": "ok"},
    {"status": "never"},
    {"usage_source": "estimated"},
    {"usage_source": "reported"},
    {"from": "2029-12-01T00:00:00Z", "to": "2029-12-02T00:00:00Z"},
    {"model": "often-1", "status": "ok", "from": "2029-12-01T00:00:00Z"},
]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from nodes(one)


def rows_read(plan: dict[str, Any]) -> int:
    """By all scans: what they gave, and what they threw away."""
    return sum(
        (one["Actual Rows"] + one.get("Rows Removed by Filter", 0)) * one["Actual Loops"]
        for one in nodes(plan)
        if one["Node Type"].endswith("Scan") and one["Node Type"] != "Bitmap Index Scan"
    )


async def test_a_page_reads_few_rows_of_a_long_log_if_what_it_is_filtered_by_has_an_index(
    ledger: Ledger,
):
    await ledger.value("select gateway.ensure_partitions('{2029-10-01Z,2029-11-01Z,2029-12-01Z}')")
    await ledger.connection.execute(_FILL, timeout=120)
    await ledger.connection.execute("analyze gateway.usage_logs", timeout=60)
    middle = "2029-12-20T00:00:00Z", "00000000-0000-4000-8000-000000000000"
    for filters in FILTERS:
        for after in ((None, None), middle):
            query = await ledger.value(
                "select gateway.log_query($1, $2::text::timestamptz, $3::text::uuid, 51)",
                json.dumps(filters),
                *after,
            )
            told = await ledger.value(f"explain (analyze, timing off, format json) {query}")
            plan = json.loads(told)[0]["Plan"]
            assert rows_read(plan) < 1500, (filters, json.dumps(plan, indent=1))
