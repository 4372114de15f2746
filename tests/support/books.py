"""What the database says of a key: the log, the counter, the holds, and that they agree."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from gateway.admin import keys
from gateway.config.settings import Settings
from gateway.stores.postgres import PostgresStore
from gateway.stores.problems import FAILURES, is_passing
from tests.support.gateway_process import PATIENCE

# Of a key: counters, daily sums and the log have the same visitors, who are all there is.
_VISITORS_AGREE = """
with counters as (select * from gateway.visitor_counters where api_key_id = $1),
people as (select * from counters where not is_pool),
daily as (
    select visitor, is_pool, sum(charged_tokens) as tokens, sum(requests) as requests
    from gateway.visitor_daily where api_key_id = $1 group by visitor, is_pool
),
logged as (
    select visitor, sum(charged_tokens) as tokens, count(*) as requests
    from gateway.usage_logs where api_key_id = $1 group by visitor
),
k as (select * from gateway.key_counters where api_key_id = $1)
select
    not exists (select 1 from counters where tokens_held <> 0) as nothing_held,
    not exists (select 1 from counters where tokens_used > token_limit) as nobody_past_the_limit,
    coalesce((select sum(tokens_used) from people), 0) = (select tokens_used from k) as tokens,
    coalesce((select sum(requests) from people), 0) = (select requests from k) as requests,
    (select count(*) from logged where visitor is null) = 0 as all_are_visitors,
    not exists (
        select 1 from counters as c full join daily as d on c.id = d.visitor
        where (c.tokens_used, c.requests) is distinct from (d.tokens, d.requests)
        and coalesce(c.requests, 1) > 0
    ) as by_day,
    not exists (
        select 1 from people as c full join logged as l on c.id = l.visitor
        where (c.tokens_used, c.requests) is distinct from (l.tokens, l.requests)
        and coalesce(c.requests, 1) > 0
    ) as by_request
"""


class Row(msgspec.Struct, frozen=True):
    """One line of the log."""

    request_id: UUID
    prompt_tokens: int
    completion_tokens: int
    charged_tokens: int
    usage_source: str
    status: str

    @property
    def counts(self) -> tuple[int, int]:
        return self.prompt_tokens, self.completion_tokens


class Books:
    """What the database says of one key. `lent`: some requests may have been let through without
    the store, when others had used all that was left; then they are charged less than they are."""

    def __init__(self, dsn: str, *, lent: bool = False) -> None:
        self.dsn = dsn
        self.lent = lent
        self.key = ""
        self.key_id: UUID | None = None

    async def make_key(self, **options: Any) -> str:
        store = await PostgresStore.open(self.dsn, connections=1)
        wanted = {"rate_limit_per_min": 1_000_000, "monthly_token_limit": 10**9, **options}
        asked = keys.CreateKey(label="failure test", **wanted)
        made = await keys.create_key(store, Settings(), asked)
        await store.close()
        assert isinstance(made, dict)
        self.key, self.key_id = made["key"], UUID(made["id"])
        return self.key

    async def rows(self) -> dict[UUID, Row]:
        """The log by request; a request that stands in it twice fails the test."""
        found = await self._fetch("select * from gateway.usage_logs where api_key_id = $1")
        rows = [msgspec.convert(dict(row), Row) for row in found]
        by_id = {row.request_id: row for row in rows}
        assert len(by_id) == len(rows), "a request was counted twice"
        return by_id

    async def counter(self) -> tuple[int, int, int]:
        """tokens_used, tokens_held, requests"""
        [row] = await self._fetch(
            "select tokens_used, tokens_held, requests from gateway.key_counters"
            " where api_key_id = $1"
        )
        return tuple(row)

    async def holds(self) -> int:
        found = await self._fetch(
            "select 1 from gateway.holds where api_key_id = $1 and released_at is null"
        )
        return len(found)

    async def balanced(self) -> dict[UUID, Row]:
        """The log, when nothing is held and all that the books say of the key is the same."""
        rows = await self.rows()
        used = sum(row.charged_tokens for row in rows.values())
        counted = sum(sum(row.counts) for row in rows.values())
        assert used <= counted if self.lent else used == counted
        assert await self.counter() == (used, 0, len(rows))
        assert await self.holds() == 0
        [daily] = await self._fetch(
            "select coalesce(sum(requests), 0)::bigint, coalesce(sum(charged_tokens), 0)::bigint"
            " from gateway.usage_daily where api_key_id = $1"
        )
        assert tuple(daily) == (len(rows), used)
        return rows

    async def visitors(self) -> dict[UUID, Row]:
        """The balanced log of a key that visitors alone have used. What the books say of them by
        day and by request is the same, too, and nobody is past the limit of the day; by id."""
        rows = await self.balanced()
        [agree] = await self._fetch(_VISITORS_AGREE)
        assert tuple(agree) == (True,) * len(agree), dict(agree)
        return rows

    async def settled(self, requests: int = 0) -> dict[UUID, Row]:
        """The balanced log, as soon as nothing is held and so many requests stand in it."""
        async with asyncio.timeout(PATIENCE):
            while await self.holds() or len(await self.rows()) < requests:
                await asyncio.sleep(0.01)  # a look at what another process does, no timing
        return await self.balanced()

    async def _fetch(self, sql: str) -> list[Any]:
        """What the books say, as soon as a server that has crashed can be asked again."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await self._fetch_now(sql)
                except FAILURES as problem:
                    if not is_passing(problem):
                        raise
                await asyncio.sleep(0.01)  # a look at what another process does, no timing

    async def _fetch_now(self, sql: str) -> list[Any]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(sql, self.key_id)
        finally:
            await connection.close()
