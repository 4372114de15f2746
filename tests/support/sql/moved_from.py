"""A database that is moved."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.support.postgres import TEMPLATE, Server, _fresh
from tests.support.sql.ledger import DAY, NOON, Ledger, new_hash, open_ledger, settlement

MONTH_AGO = datetime(2029, 12, 3, 4, 5, 6, 789_123, tzinfo=UTC)


@pytest.fixture
async def source(postgres: Server) -> AsyncIterator[Ledger]:
    """Another database, with two keys, one of them rotated and much used, and a hold in flight."""
    async with _fresh(postgres, TEMPLATE) as dsn:
        ledger = await open_ledger(dsn)
        key = await ledger.key(
            MONTH_AGO,
            limit=1_000_000_000_000,
            label="λ \\ \"quoted\" 'so' \t\U0001f999",
            owner_email="a@b.c",
            models=["x:1", "y,z"],
            origins=["https://a"],
            scopes=["chat", "ollama:native"],
            cap=10**9,
            expires_at=NOON + 99 * DAY,
        )
        used = 900_000_000_001  # more than a float of 32 bits or an integer holds
        in_one_day = used - 2 * 7  # what the other requests of the month are charged
        await ledger.settle(
            settlement(await ledger.hold(key, MONTH_AGO, model="x:1", prompt=2**31 - 1), 7, 8),
            at=MONTH_AGO,
        )
        for model in ("x:1", "y,z", "x:1"):
            request = await ledger.hold(key, NOON, model=model, prompt=2**31 - 1)
            await ledger.settle(settlement(request, 3, 4, status="client_gone", ttft_ms=5), at=NOON)
        await ledger.connection.execute(
            f"update gateway.key_counters set tokens_used = {used}, requests = requests + {used}; "
            f"update gateway.usage_daily set charged_tokens = {in_one_day} where model = 'y,z'"
        )
        await ledger.connection.execute(
            "insert into gateway.visitor_daily "
            "select '2030-01-15', $1, gen_random_uuid(), pool, 1, 2, 3, 5, $2 "
            "from unnest('{true,false}'::boolean[]) as pool",
            *(key.id, used),
        )
        await ledger.admin("rotate_api_key", NOON, key.id, new_hash(), "llm_next", 3600)
        await ledger.admin("revoke_api_key", NOON, (await ledger.key(NOON)).id)
        await ledger.hold(key, NOON, model="x:1")
        preset = {"model": "x:1", "system": "λ", "variables": {"a": {"enum": ["b"]}}}
        await ledger.admin("create_preset", NOON, "faq", json.dumps(preset))
        await ledger.admin("update_preset", NOON, "faq", json.dumps({"system": "μ"}))
        yield ledger
        await ledger.connection.close()
