"""`localllm db` on a store, one that has something of all that is moved, and what it has."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from gateway.stores import Verdict
from tests.support.certificates import ONE_AUTHORITY
from tests.support.forked.process import run
from tests.support.sql.ledger import DAY, Key, Ledger, open_ledger, settlement

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)  # a past month: of later ones nothing is taken in
TABLES = (
    *("api_keys", "retired_keys", "key_counters", "usage_daily", "usage_logs", "presets"),
    *("preset_versions", "visitor_daily"),
)
PASSING = {"tokens_held", "bucket", "window_counts", "window_calls"}


class Localllm:
    """Runs `localllm db …` on a store; nothing of it needs a data directory."""

    def __init__(self, home: Path, **settings: str) -> None:
        self._home = home
        self.environ = {
            **ONE_AUTHORITY,
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            **settings,
        }

    def __call__(self, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-W", "error", "-m", "gateway", "db", *arguments]
        return run(command, self.environ, self._home, input)

    def done(self, *arguments: str, input: bytes = b"") -> bytes:
        done = self(*arguments, input=input)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def imported(self, *arguments: str, input: bytes = b"") -> dict[str, Any]:
        return json.loads(self.done("import", "--json", *arguments, input=input))

    def refusal(self, *arguments: str, input: bytes = b"", code: int = 1) -> str:
        done = self(*arguments, input=input)
        assert done.returncode == code, (done.stdout, done.stderr)
        line = done.stderr.decode()
        assert line.startswith("localllm: ")
        assert line.count("\n") == 1
        return line


async def fill(ledger: Ledger) -> Key:
    """Keys of all kinds, usage of two months; the key that calls in the tests."""
    caller = await ledger.key(
        NOON - 40 * DAY, label="Zoë's “site”", limit=5000, rate=9, models=["a-model"],
        origins=["https://a.example"], scopes=["chat"], expires_at=NOON + 400 * DAY,
    )  # fmt: skip
    for at in (NOON - 40 * DAY, NOON - DAY, NOON):
        request = await ledger.hold(caller, at, prompt=100, output=200)
        await ledger.settle(settlement(request, 90, 110, ttft_ms=12), at=at)
    site = await ledger.key(NOON, label="a page", visitors={"by": ["address"]})
    request = await ledger.hold(site, NOON, visitor={"address": "192.0.2.1"})
    await ledger.settle(settlement(request, 10, 20), at=NOON)
    revoked = await ledger.key(NOON, label="gone")
    await ledger.admin("revoke_api_key", NOON, revoked.id)
    preset = {"model": "a-model", "system": "Be brief."}
    await ledger.admin("create_preset", NOON, "faq", json.dumps(preset))
    await ledger.admin("update_preset", NOON, "faq", '{"system": "Be kind."}')
    rotated = await ledger.key(NOON, label="turned", owner_email="me@example.com")
    await ledger.admin("rotate_api_key", NOON, rotated.id, "f" * 64, "llm_ffff", 3600)
    return caller


async def everything(dsn: str) -> dict[str, list[Any]]:
    """Every row of every table that is moved, without what belongs to running requests."""
    connection = await asyncpg.connect(dsn)
    try:
        found = {
            table: await connection.fetch(
                f"select (to_jsonb(t) - $1::text[])::text from gateway.{table} as t",
                PASSING if table == "key_counters" else [],
            )
            for table in TABLES
        }
    finally:
        await connection.close()
    return {table: sorted(row[0] for row in rows) for table, rows in found.items()}


async def verdict_of(dsn: str, key: Key) -> Verdict:
    ledger = await open_ledger(dsn)
    try:
        return await ledger.authorize(key, NOON, prompt=10, output=20)
    finally:
        await ledger.connection.close()
