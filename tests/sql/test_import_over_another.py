"""An export that is imported into a database with a history of its own: an older file over newer
rows, a newer one over older rows, and those of two machines that once were one."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.admin import transfer
from gateway.stores.postgres import PostgresStore
from tests.support.postgres import TEMPLATE, Server, _fresh
from tests.support.sql.ledger import DAY, Key, Ledger, new_hash, open_ledger, settlement
from tests.support.sql.moving import KINDS, table

pytestmark = pytest.mark.anyio

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)  # in the past: of later months nothing is taken in
YEAR = 365 * 24 * 3600
# Of these sums each is at least the one before, and here they are the same.
SUMS = """
select
    (select sum(l.charged_tokens) from gateway.usage_logs as l)::bigint,
    (select sum(d.charged_tokens) from gateway.usage_daily as d)::bigint,
    (select sum(c.tokens_used) from gateway.key_counters as c)::bigint,
    (select count(*) from gateway.usage_logs),
    (select sum(d.requests) from gateway.usage_daily as d)::bigint,
    (select sum(c.requests) from gateway.key_counters as c)::bigint
"""


class Machine(Ledger):
    """A database, exported and imported as the command does it."""

    dsn = ""

    async def export(self) -> bytes:
        file = io.BytesIO()
        async with _store(self.dsn) as store:
            await transfer.export(store, file, _quiet)
        return file.getvalue()

    async def take(self, exported: bytes) -> transfer.Loaded:
        rows = io.BytesIO()
        transfer.check(io.BytesIO(exported), rows)
        async with _store(self.dsn) as store:
            return await transfer.load(store, rows, _quiet)

    async def call(self, key: Key, at: datetime = NOON, **ask: Any) -> None:
        """A request that is charged 100 tokens."""
        request = await self.hold(key, at, prompt=100, output=200, **ask)
        await self.settle(settlement(request, 60, 40), at=at)

    async def rotate(self, key: Key, at: datetime, grace: int) -> Key:
        new = new_hash()
        await self.admin("rotate_api_key", at, key.id, new, "llm_next", grace)
        return Key(key.id, new)

    async def knows(self, key: Key, at: datetime = NOON) -> bool:
        return (await self.identify(key, at)).allowed

    async def everything(self) -> dict[str, list[str]]:
        return {kind: await table(self, kind) for kind in KINDS}

    async def sums(self) -> tuple[int, int]:
        """(charged, requests): the same in log, days and counters, all of this month."""
        found = tuple(await self.connection.fetchrow(SUMS))
        assert found == (found[0],) * 3 + (found[3],) * 3
        return found[0], found[3]


def _quiet(kind: str, count: int) -> None:
    pass


@asynccontextmanager
async def _store(dsn: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(dsn)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _machine(postgres: Server) -> AsyncIterator[Machine]:
    async with _fresh(postgres, TEMPLATE) as dsn:
        machine = Machine((await open_ledger(dsn)).connection)
        machine.dsn = dsn
        yield machine
        await machine.connection.close()


@pytest.fixture
async def here(postgres: Server) -> AsyncIterator[Machine]:
    async with _machine(postgres) as machine:
        yield machine


@pytest.fixture
async def there(postgres: Server) -> AsyncIterator[Machine]:
    async with _machine(postgres) as machine:
        yield machine


async def test_an_older_file_undoes_nothing_that_happened_since(here: Machine):
    caller = await here.key(NOON - DAY, label="caller", limit=10_000)
    rotated = await here.key(NOON - DAY, label="rotated")
    revoked = await here.key(NOON - DAY, label="revoked")
    for key in (caller, rotated, revoked):
        await here.call(key)
    older = await here.export()

    await here.call(caller)
    await here.call(caller, model="another")
    await here.admin("update_api_key", NOON, caller.id, '{"monthly_token_limit": 500}')
    turned = await here.rotate(rotated, NOON, 60)
    await here.call(turned)
    await here.admin("revoke_api_key", NOON, revoked.id)
    await here.call(await here.key(NOON, label="new"))
    before = await here.everything()

    loaded = await here.take(older)
    assert await here.everything() == before
    assert set(loaded.imported.values()) == {0}
    assert {key.label: key.fields for key in loaded.different} == {
        "caller": ["monthly_token_limit"],
        "rotated": ["key_hash", "prefix"],
        "revoked": ["is_active", "revoked_at"],
    }
    assert await here.sums() == (700, 7)
    assert await here.knows(turned, NOON + DAY)
    assert not await here.knows(rotated, NOON + DAY)
    assert not await here.knows(revoked)


async def test_what_a_key_was_does_not_become_good_again(here: Machine):
    """A grace that a second rotation ended, and that housekeeping has forgotten."""
    first = await here.key(NOON)
    second = await here.rotate(first, NOON, YEAR)
    older = await here.export()
    third = await here.rotate(second, NOON + DAY, 0)
    much_later = NOON + 40 * DAY
    await here.steady(much_later)
    await here.admin("keep_house", much_later, 12)
    assert await table(here, "retired_keys") == []

    loaded = await here.take(older)
    assert loaded.imported["retired_keys"] == 0
    assert not await here.knows(first, much_later)
    assert not await here.knows(second, much_later)
    assert await here.knows(third, much_later)


async def test_a_newer_file_leaves_older_keys_as_they_are_and_names_them(
    here: Machine, there: Machine
):
    rotated = await there.key(NOON - DAY, label="rotated")
    revoked = await there.key(NOON - DAY, label="revoked")
    await there.call(rotated)
    await here.take(await there.export())
    turned = await there.rotate(rotated, NOON, 60)
    await there.admin("revoke_api_key", NOON, revoked.id)
    await there.call(turned)

    newer = await there.export()
    loaded = await here.take(newer)
    assert {key.label: key.fields for key in loaded.different} == {
        "rotated": ["key_hash", "prefix"],
        "revoked": ["is_active", "revoked_at"],
    }
    assert loaded.imported == dict.fromkeys(KINDS, 0) | {"logs": 1}
    assert await here.knows(rotated, NOON + DAY)
    assert not await here.knows(turned)
    assert await here.knows(await here.rotate(rotated, NOON, 0))  # it can be rotated here, too
    assert await here.sums() == (200, 2)
    before = await here.everything()
    await here.take(newer)
    assert await here.everything() == before


async def test_what_two_machines_counted_for_one_key_is_added_up(here: Machine, there: Machine):
    shared = await there.key(NOON - DAY, limit=1_000)
    await there.call(shared)
    await here.take(await there.export())
    await here.call(shared)  # the same day and model on both
    await here.call(await here.key(NOON))
    for model in ("a-model", "another"):
        await there.call(shared, model=model)
    await there.call(shared, NOON + DAY)
    await there.call(await there.key(NOON))

    exported = await there.export()
    await here.take(exported)
    assert await here.sums() == (700, 7)
    assert (await here.month(shared, NOON))[0] == 500
    left = await here.authorize(shared, prompt=100, output=400, at=NOON)
    assert left.allowed and left.tokens_remaining == 0
    before = await here.everything()
    await here.take(exported)
    assert await here.everything() == before

    await there.take(await here.export())
    assert await there.sums() == (700, 7)


async def test_a_counter_of_another_month_is_made_from_the_days_when_the_key_calls(
    here: Machine, there: Machine
):
    a_month_ago = NOON - 31 * DAY
    shared = await there.key(a_month_ago, limit=1_000)
    await there.call(shared, a_month_ago)
    await here.take(await there.export())
    await there.call(shared)
    loaded = await here.take(await there.export())
    assert loaded.imported == dict.fromkeys(KINDS, 0) | {"daily": 1, "logs": 1}
    assert (await here.month(shared, a_month_ago))[0] == 100
    verdict = await here.authorize(shared, NOON, prompt=100, output=200)
    assert verdict.tokens_remaining == 1_000 - 100 - 300

    await there.take(await here.export())  # and back: a file of an earlier month
    assert await there.month(shared, NOON) == (100, 0, 1)


async def test_days_whose_log_was_dropped_stay_as_they_are(here: Machine):
    key = await here.key(NOON)
    await here.call(key)
    await here.call(key)
    older = await here.export()
    await here.connection.execute("delete from gateway.usage_logs")
    await here.call(key)
    days = await table(here, "daily")
    counters = await table(here, "counters")
    assert (await here.take(older)).imported == dict.fromkeys(KINDS, 0) | {"logs": 2}
    assert await table(here, "daily") == days
    assert await table(here, "counters") == counters
