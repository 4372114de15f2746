"""What a key used, told to its holder by `GET /v1/usage` and to the owner by `localllm usage`."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.core.keys import hash_key, make_key
from tests.support.callers import QUESTION, bearer, connect, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.openapi_shapes import validator
from tests.support.sql.ledger import DAY, Key, open_ledger, settlement

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
HISTORY = [(0, "a:latest"), (0, "b:7b"), (1, "a:latest"), (40, "a:latest")]  # days after it


def counts(requests: int) -> dict[str, int]:
    return {
        "requests": requests,
        "prompt_tokens": 3 * requests,
        "completion_tokens": 4 * requests,
        "total_tokens": 7 * requests,
    }


async def key_with_history(dsn: str, key_hash: str) -> Any:
    """A key of then, and what a gateway would have settled then."""
    ledger = await open_ledger(dsn)
    try:
        made = await ledger.create(NOON, key_hash=key_hash, label="with a history")
        key = Key(UUID(made["id"]), key_hash)
        for days, model in HISTORY:
            at = NOON + days * DAY
            request = await ledger.hold(key, at, model=model, prompt=10, output=10)
            await ledger.settle(settlement(request, 3, 4), at=at)
        return made
    finally:
        await ledger.connection.close()


class Holder:
    """Of a key with a history."""

    def __init__(self, gateway: GatewayProcess, dsn: str) -> None:
        self.url, self.key = gateway.url, make_key("llm")
        made = asyncio.run(key_with_history(dsn, hash_key(self.key)))
        self.id = made["id"]
        self.label = f"with a history ({made['prefix']}…)"

    def ask(self, query: str = "") -> httpx.Response:
        with connect(self.url) as client:
            return client.get(f"/v1/usage{query}", headers=bearer(self.key))

    def told(self, query: str = "") -> Any:
        answer = self.ask(query)
        assert answer.status_code == 200, answer.text
        validator("UsageReport").validate(answer.json())
        return answer.json()


@pytest.fixture(scope="module")
def holder(gateway: GatewayProcess, shared_dsn: str) -> Iterator[Holder]:
    make_keys(gateway.url, "of somebody else")
    return Holder(gateway, shared_dsn)


def test_without_parameters_it_is_the_month_to_date_by_day_and_model(
    gateway: GatewayProcess, shared_dsn: str
) -> None:
    holder = Holder(gateway, shared_dsn)
    assert holder.told().keys() == {"key", "limits", "month", "by_day"}
    assert holder.told()["by_day"] == []
    with connect(holder.url) as client:
        client.post("/v1/chat/completions", json=QUESTION, headers=bearer(holder.key))
    [row] = holder.told()["by_day"]
    assert row.keys() == {"date", "model", *counts(1)}
    assert (row["date"], row["requests"]) == (datetime.now(UTC).date().isoformat(), 1)


def test_a_range_alone_tells_its_days_and_models(holder: Holder) -> None:
    told = holder.told("?from=2025-01-15&to=2025-01-16")
    assert told.keys() == {"key", "limits", "month", "by_day"}
    assert told["by_day"] == [
        {"date": "2025-01-15", "model": "a:latest", **counts(1)},
        {"date": "2025-01-15", "model": "b:7b", **counts(1)},
        {"date": "2025-01-16", "model": "a:latest", **counts(1)},
    ]
    assert len(holder.told("?to=2025-01-31")["by_day"]) == 3  # the month of `to`


def test_a_grouping_adds_up_and_tells_its_total(holder: Holder) -> None:
    told = holder.told("?from=2025-01-01&to=2025-12-31&group_by=month")
    assert told.keys() == {"key", "limits", "month", "from", "to", "group_by", "data", "total"}
    assert told["data"] == [
        {"month": "2025-01", **counts(3)},
        {"month": "2025-02", **counts(1)},
    ]
    assert (told["from"], told["to"]) == ("2025-01-01", "2025-12-31")
    assert (told["group_by"], told["total"]) == (["month"], counts(4))
    by_model = holder.told("?from=2025-01-01&to=2025-01-31&group_by=model")["data"]
    assert by_model == [{"model": "a:latest", **counts(2)}, {"model": "b:7b", **counts(1)}]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("?from=yesterday", "from"),
        ("?from=2025-01-01&from=2025-01-01", "from"),
        ("?from=2025-02-01&to=2025-01-01", "to"),
        ("?group_by=hour", "group_by"),
        ("?group_by=key", "group_by"),
        ("?api_key_id=x", None),
        ("?until=2025-01-01", None),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(
    holder: Holder, query: str, param: str | None
) -> None:
    answer = holder.ask(query)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["message"]


def test_who_holds_no_key_learns_nothing_of_the_parameters(holder: Holder) -> None:
    with connect(holder.url) as client:
        assert client.get("/v1/usage?group_by=hour").status_code == 401


def localllm(home: Path, dsn: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "gateway", "usage", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "DATABASE_URL": dsn},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_owner_sees_the_same_on_the_command_line(
    holder: Holder, shared_dsn: str, tmp_path: Path
) -> None:
    span = ("--from", "2025-01-01", "--to", "2025-12-31")
    told = holder.told("?from=2025-01-01&to=2025-12-31&group_by=model,month")
    shown = localllm(tmp_path, shared_dsn, holder.id, *span, "--by", "model,month", "--json")
    assert json.loads(shown) == told
    table = localllm(tmp_path, shared_dsn, holder.id, *span, "--by", "month,model")
    lines = [line.split() for line in table.splitlines()]
    assert ["month", "model", "requests", "prompt", "output", "tokens"] in lines
    assert ["2025-02", "a:latest", "1", "3", "4", "7"] in [line[:6] for line in lines]
    assert ["total", "4", "12", "16", "28"] in lines


def test_of_all_keys_each_is_shown_by_its_label(
    holder: Holder, shared_dsn: str, tmp_path: Path
) -> None:
    span = ("--from", "2025-02-01", "--to", "2025-02-28")
    table = localllm(tmp_path, shared_dsn, *span, "--by", "key")
    assert holder.label in table
    assert "a:latest" not in table
    plain = localllm(tmp_path, shared_dsn, *span)
    assert holder.label in plain
    assert "2025-02-24" in plain
    assert "total" not in plain.splitlines()[-1]
    nothing = localllm(tmp_path, shared_dsn, "--to", "2001-01-31", "--by", "day")
    assert nothing == "No usage until 2001-01-31.\n"
