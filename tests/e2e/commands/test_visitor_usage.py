"""`localllm usage --by visitor`: the owner sees who has used what of a key."""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.certificates import ONE_AUTHORITY
from tests.support.forked.process import run
from tests.support.sql.ledger import Key, open_ledger, settlement
from tests.support.sql.visitors import token_of

pytestmark = pytest.mark.anyio

Usage = Callable[..., str]
# The month is named: another one may begin after the calls.
NOW = datetime.now(UTC)
SINCE = ("--from", f"{NOW:%Y-%m-%d}")


@pytest.fixture
def usage(home: Path, dsn: str) -> Usage:
    environ = {**ONE_AUTHORITY, "PATH": os.environ["PATH"], "HOME": str(home), "DATABASE_URL": dsn}

    def told(*arguments: str) -> str:
        words = ["gateway", "usage", *arguments, *SINCE]
        command = [sys.executable, "-W", "error", "-m", *words]
        done = run(command, environ, home, b"")
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    return told


@pytest.fixture
async def key(dsn: str) -> Key:
    """Of a site whose visitors ada and bob have called, and so has its own server."""
    ledger = await open_ledger(dsn)
    try:
        key = await ledger.key(NOW, label="my site", visitors={"by": ["token"], "keep_names": True})
        ada, bob = [await token_of(ledger, key, name, at=NOW) for name in ("ada", "bob")]
        for caller in (ada, ada, bob, key.hash):
            request = await ledger.hold(key._replace(hash=caller), NOW)
            await ledger.settle(settlement(request, 1000, 234), at=NOW)
        await ledger.connection.execute(
            "update gateway.visitor_counters set name = null where name = 'bob'"
        )
        await ledger.key(NOW, label="another")
        return key
    finally:
        await ledger.connection.close()


async def test_visitors_have_their_names_where_the_site_keeps_them(usage: Usage, key: Key):
    shown = usage("--by", "visitor")
    first, *rows = [line.split() for line in shown.splitlines() if line.strip(" ─")]
    assert first[:2] == ["visitor", "requests"]
    requests = {name: count for name, count, *_ in rows}
    assert (requests.pop("ada"), requests.pop("total")) == ("2", "3")
    [(bob, count)] = requests.items()
    assert UUID(bob) and count == "1"


async def test_one_key_can_be_asked_for(usage: Usage, key: Key):
    report = json.loads(usage(str(key.id), "--by", "day,visitor", "--json"))
    names = {row["visitor_name"]: row["requests"] for row in report["data"]}
    assert names == {"ada": 2, None: 1}
    assert all(UUID(row["visitor"]) and row["date"] for row in report["data"])
    shown = usage("--by", "key,visitor")
    assert "my site" in shown and "another" not in shown
