"""The SQL functions as tests call them: through their twins, with the clock passed in."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg

from gateway.stores import Identity, Verdict, VisitorVerdict

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
TTL = 900
PATIENCE = 100.0  # seconds for a call that waits behind hundreds of others, on a busy machine
_numbers = count(1)


class Key(NamedTuple):
    id: UUID
    hash: str


def new_hash() -> str:
    return hashlib.sha256(str(next(_numbers)).encode()).hexdigest()


def settlement(request: UUID, prompt: int, completion: int, **fields: Any) -> dict[str, Any]:
    """An element of `p_settlements`."""
    tokens = {"prompt_tokens": prompt, "completion_tokens": completion}
    reported = {"usage_source": "reported", "status": "ok"}
    return {"request_id": str(request)} | tokens | reported | fields


class Ledger:
    """One connection to a migrated database."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def value(self, sql: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(sql, *arguments)

    async def admin(self, function: str, at: datetime, *arguments: Any) -> dict[str, Any]:
        places = ", ".join(f"${number + 2}" for number in range(len(arguments)))
        comma = ", " if arguments else ""
        sql = f"select gateway.{function}_at($1{comma}{places})"
        return json.loads(await self.value(sql, at, *arguments))

    async def create(self, at: datetime = NOON, **wishes: Any) -> dict[str, Any]:
        """Call create_api_key; what is not wished for has a value that suits most tests."""
        return await self.admin(
            "create_api_key",
            at,
            wishes.get("key_hash") or new_hash(),
            wishes.get("prefix", "llm_abcd"),
            wishes.get("label", "a key"),
            wishes.get("owner_email"),
            wishes.get("rate", 1_000_000),
            wishes.get("limit", 1_000_000),
            wishes.get("models"),
            wishes.get("origins"),
            wishes.get("scopes"),
            wishes.get("expires_at"),
            # older schemas have neither
            *((wishes.get("cap"),) if wishes.keys() & {"cap", "visitors"} else ()),
            *((json.dumps(wishes["visitors"]),) if "visitors" in wishes else ()),
        )

    async def key(self, at: datetime = NOON, **wishes: Any) -> Key:
        key_hash = new_hash()
        made = await self.create(at, key_hash=key_hash, **wishes)
        return Key(UUID(made["id"]), key_hash)

    async def authorize(
        self,
        key: Key | str,
        at: datetime = NOON,
        *,
        request: UUID | None = None,
        scope: str = "chat",
        origin: str | None = None,
        model: str = "a-model",
        prompt: int = 10,
        output: int = 20,
        ttl: int = TTL,
        capped: bool | None = None,
        visitor: dict[str, Any] | None = None,
    ) -> Verdict:
        more: tuple[Any, ...] = ()  # older schemas do not ask
        if capped is not None or visitor is not None:
            more = (capped is not False,)
        if visitor is not None:
            more = (*more, None, json.dumps(visitor))
        places = ", ".join(f"${number}" for number in range(1, 11 + len(more)))
        row = await self.connection.fetchrow(
            f"select * from gateway.authorize_request_at({places})",
            at,
            request or uuid4(),
            key if isinstance(key, str) else key.hash,
            scope,
            origin,
            model,
            "/v1/chat/completions",
            prompt,
            output,
            ttl,
            *more,
        )
        *fields, told = row if len(row) > 11 else (*row, None)
        return Verdict(*fields, VisitorVerdict(*told) if told else None)

    async def hold(self, key: Key, at: datetime = NOON, **ask: Any) -> UUID:
        """Authorise what has to be allowed; the request's id."""
        request = uuid4()
        verdict = await self.authorize(key, at, request=request, **ask)
        assert verdict.allowed, verdict
        return request

    async def identify(
        self, key: Key, at: datetime = NOON, scope: str | None = None, origin: str | None = None
    ) -> Identity:
        row = await self.connection.fetchrow(
            "select * from gateway.identify_key_at($1, $2, $3, $4)", at, key.hash, scope, origin
        )
        return Identity(*row)

    async def settle(self, *items: dict[str, Any], at: datetime = NOON) -> tuple[int, int]:
        """(settled, unknown)"""
        row = await self.connection.fetchrow(
            "select * from gateway.settle_requests_at($1, $2)", at, json.dumps(items)
        )
        return tuple(row)

    async def sweep(self, at: datetime, live: Sequence[UUID] = ()) -> tuple[int, int]:
        """(released, renewed), with the month's partitions made before"""
        await self.value("select gateway.ensure_partitions_at($1)", at)
        row = await self.connection.fetchrow(
            "select * from gateway.sweep_holds_at($1, $2, $3)", at, list(live), TTL
        )
        return tuple(row)[:2]

    async def steady(self, at: datetime) -> None:
        """The clock has run until `at` without a gap for long enough."""
        if await self.value("select gateway.is_steady($1)", at):
            return
        sql = "update gateway.clock set seen_at = $1, steady_since = $2"
        await self.connection.execute(sql, at, at - 7 * DAY)

    async def report(self, key: Key, at: datetime = NOON, *range: Any) -> dict[str, Any]:
        first, last = range or (None, None)
        return await self.admin("usage_report", at, key.id, first, last)

    async def month(self, key: Key, at: datetime = NOON) -> tuple[int, int, int]:
        """(tokens used, tokens held, requests) of the month of `at`."""
        month = (await self.report(key, at))["month"]
        return month["tokens_used"], month["tokens_held"], month["requests"]

    async def logged(self, key: Key) -> tuple[int, int]:
        """(charged tokens, requests) of the whole log."""
        row = await self.connection.fetchrow(
            "select coalesce(sum(charged_tokens), 0)::bigint, count(*) from gateway.usage_logs "
            "where api_key_id = $1",
            key.id,
        )
        return tuple(row)

    async def wait_for_waiting(self, count: int) -> None:
        """Return when so many others wait for a lock."""
        waiting = (
            "select count(*) from pg_stat_activity "
            "where datname = current_database() and wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(PATIENCE):
            while True:
                # Its own snapshot each time, although this may be within a transaction.
                await self.connection.execute("select pg_stat_clear_snapshot()")
                if await self.value(waiting) == count:
                    return


async def open_ledger(dsn: str) -> Ledger:
    return Ledger(await asyncpg.connect(dsn, command_timeout=PATIENCE))
