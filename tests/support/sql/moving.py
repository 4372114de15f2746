"""Two databases, and what moves from one to the other."""

import json
from typing import Any

from tests.support.sql.ledger import NOON, Ledger

KINDS = (
    *("keys", "retired_keys", "counters", "daily", "visitor_daily", "logs"),
    *("presets", "preset_versions"),
)
TABLES = {
    "keys": "api_keys",
    "retired_keys": "retired_keys",
    "counters": "key_counters",
    "daily": "usage_daily",
    "visitor_daily": "visitor_daily",
    "logs": "usage_logs",
    "presets": "presets",
    "preset_versions": "preset_versions",
}


async def page(ledger: Ledger, kind: str, cursor: str | None = None, limit: Any = None) -> dict:
    sql = "select gateway.export_data_at($1, $2, $3)"
    return json.loads(await ledger.value(sql, kind, cursor, limit))


async def export(ledger: Ledger, kind: str, limit: int = 1000) -> list[dict[str, Any]]:
    """All rows, a page after the other."""
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        found = await page(ledger, kind, cursor, limit)
        assert len(found["rows"]) == limit or found["next"] is None
        rows += found["rows"]
        cursor = found["next"]
        if cursor is None:
            return rows


async def take(ledger: Ledger, kind: str, rows: Any) -> dict[str, Any]:
    return await ledger.admin("import_data", NOON, kind, json.dumps(rows))


async def move(source: Ledger, target: Ledger, limit: int = 1000) -> dict[str, dict[str, Any]]:
    """All kinds; what the import of each said."""
    return {kind: await take(target, kind, await export(source, kind, limit)) for kind in KINDS}


async def table(ledger: Ledger, kind: str) -> list[str]:
    """All that the table has, as Postgres writes it: exact to the last microsecond."""
    rows = await ledger.connection.fetch(
        f"select t::text from gateway.{TABLES[kind]} as t order by 1"
    )
    return [row[0] for row in rows]
