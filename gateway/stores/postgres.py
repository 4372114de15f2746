"""The Postgres store, for the embedded database or the one in DATABASE_URL.

Each call takes one round trip, or shares one. Every call can safely be sent twice, because the SQL
gives the same answer to the same request id, hash or batch: if a connection breaks during a call,
the call is sent again, once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

import msgspec

from gateway.stores import (
    HOLD_SECONDS,
    AuthorizationRequest,
    Claim,
    Identity,
    Settlement,
    Verdict,
    VisitorVerdict,
)
from gateway.stores.connections import Connections
from gateway.stores.functions import JSON_ARGUMENTS, arguments_of
from gateway.stores.problems import FAILURES, explained, is_passing, unavailable
from gateway.stores.shared_calls import Arguments, SharedCalls

CALL_TIMEOUT = 10.0
_CONNECTIONS = 5  # ten gateways at one database keep each other waiting with more

_AUTHORIZE = """select * from public.authorize_request(
    p_request_id => $1, p_key_hash => $2, p_scope => $3, p_origin => $4, p_model => $5,
    p_endpoint => $6, p_prompt_bound => $7, p_max_output => $8, p_ttl_seconds => $9,
    p_capped => $10, p_clock => $11, p_claim => $12
)"""
_IDENTIFY = """select * from public.identify_key(
    p_key_hash => $1, p_scope => $2, p_origin => $3, p_claim => $4
)"""
_SETTLE = "select * from public.settle_requests(p_settlements => $1, p_clock => $2)"
_SWEEP = """select * from public.sweep_holds(
    p_live => $1, p_ttl_seconds => $2, p_gateway => $3, p_clock => $4
)"""
_CHECK = "select public.identify_key('', '', null, null)"
# The driver would send the last day and the last moment of Python's calendar as infinity.
_CASTS = {"p_from": "::text::date", "p_to": "::text::date", "p_expires_at": "::text::timestamptz"}


class PostgresStore:
    """Implements `Store`. Make one with `open`."""

    def __init__(self, connections: Connections) -> None:
        self.gateways = 1
        self._connections = connections
        self._id = uuid4()
        self._authorizing = SharedCalls(self._authorize)

    @classmethod
    async def open(
        cls, dsn: str, *, connections: int = _CONNECTIONS, timeout: float = CALL_TIMEOUT
    ) -> Self:
        """Connect, and check that the schema is there. Raises StoreUnavailable.

        A call takes at most `timeout` seconds to connect, and as long again to be answered.
        """
        store = cls(Connections(dsn, connections, timeout))
        try:
            with explained():
                await store._connections.look_for_pooler()
            await store.check()
        except BaseException:
            await store.close()
            raise
        return store

    async def authorize(self, wanted: AuthorizationRequest) -> Verdict:
        """Decide, and hold the tokens. Those that ask for one key at once do so in one call; not of
        several keys, whose rows two gateways might lock in another order."""
        row = await self._authorizing.ask(
            wanted.key_hash,
            (
                wanted.request_id,
                wanted.key_hash,
                wanted.scope,
                wanted.origin,
                wanted.model,
                wanted.endpoint,
                wanted.prompt_bound,
                wanted.max_output,
                HOLD_SECONDS,
                wanted.capped,
                datetime.now(UTC),
                _json(wanted.claim),
            ),
        )
        values = list(row)
        values[-1] = VisitorVerdict(*values[-1]) if values[-1] else None
        return Verdict(*values)

    async def _authorize(self, asked: Sequence[Arguments]) -> Sequence[Any]:
        """In one transaction. One that fails there takes the others with it, so each is asked by
        itself then; but not after a time-out, or each would wait as long again."""
        if len(asked) == 1:
            return [await self._row(_AUTHORIZE, *asked[0])]
        try:
            return await self._connections.fetchmany(_AUTHORIZE, asked)
        except TimeoutError as problem:
            raise unavailable(problem) from problem
        except FAILURES:
            alone = (self._row(_AUTHORIZE, *one) for one in asked)
            return await asyncio.gather(*alone, return_exceptions=True)

    async def identify(
        self, key_hash: str, scope: str | None, origin: str | None, claim: Claim | None = None
    ) -> Identity:
        """Who the key belongs to."""
        row = await self._row(_IDENTIFY, key_hash, scope, origin, _json(claim))
        return Identity(*row)

    async def settle(self, batch: Sequence[Settlement]) -> None:
        """Count each request once."""
        if batch:
            await self._row(_SETTLE, msgspec.json.encode(batch).decode(), datetime.now(UTC))

    async def sweep(self, live: Sequence[UUID]) -> None:
        """Renew the holds of `live`, release those of dead gateways; count those that live."""
        swept = await self._row(_SWEEP, list(live), HOLD_SECONDS, self._id, datetime.now(UTC))
        self.gateways = max(1, swept["gateways"])
        self._connections.trim()

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call an administration function by name, with all its arguments."""
        names = arguments_of(function, arguments)
        passed = ", ".join(
            f"{name} => ${number}{_CASTS.get(name, '')}" for number, name in enumerate(names, 1)
        )
        values = [_plain(name, arguments[name]) for name in names]
        row = await self._row(f"select public.{function}({passed})", *values)
        return msgspec.json.decode(row[0], type=dict[str, Any])

    async def check(self) -> None:
        """Raise StoreUnavailable unless the functions are there and answer."""
        await self._row(_CHECK)

    async def close(self) -> None:
        """Wait for the running calls, then close every connection."""
        await self._authorizing.close()
        await self._connections.close()

    async def _row(self, sql: str, *arguments: Any) -> Any:
        try:
            return await self._connections.fetchrow(sql, *arguments)
        except FAILURES as problem:
            if not is_passing(problem):
                raise unavailable(problem) from problem
        with explained():
            return await self._connections.fetchrow(sql, *arguments)


def _json(claim: Claim | None) -> str | None:
    return msgspec.json.encode(claim).decode() if claim else None


def _plain(name: str, value: Any) -> Any:
    """Arguments of type jsonb, and days and times that an owner names, are sent as text."""
    if name in _CASTS:
        return None if value is None else value.isoformat()
    return msgspec.json.encode(value).decode() if name in JSON_ARGUMENTS else value
