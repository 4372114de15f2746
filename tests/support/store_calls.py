"""What the gateway asks of a store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from gateway.stores import AuthorizationRequest, Store
from tests.support.sql.ledger import Key, new_hash

HASTY = 2.0  # seconds for a call that is held up: enough to connect on a busy machine


async def create(store: Store, **wishes: Any) -> Key:
    key_hash = new_hash()
    made = await store.admin("create_api_key", wish(p_key_hash=key_hash, **wishes))
    return Key(UUID(made["id"]), key_hash)


def wish(**named: Any) -> dict[str, Any]:
    return {
        "p_key_hash": new_hash(),
        "p_prefix": "llm_abcd",
        "p_label": "a key",
        "p_owner_email": None,
        "p_rate_limit_per_min": 1_000_000,
        "p_monthly_token_limit": 1_000_000,
        "p_allowed_models": None,
        "p_allowed_origins": None,
        "p_scopes": None,
        "p_expires_at": None,
    } | named


def ask(key: Key, **named: Any) -> AuthorizationRequest:
    fields: dict[str, Any] = {
        "request_id": uuid4(),
        "key_hash": key.hash,
        "scope": "chat",
        "origin": None,
        "model": "a-model",
        "endpoint": "/v1/chat/completions",
        "prompt_bound": 10,
        "max_output": 20,
    }
    return AuthorizationRequest(**fields | named)


async def report(store: Store, key: Key) -> dict[str, Any]:
    arguments = {"p_key_id": key.id, "p_from": None, "p_to": None}
    return await store.admin("usage_report", arguments)


async def month(store: Store, key: Key) -> tuple[int, int, int]:
    found = (await report(store, key))["month"]
    return found["tokens_used"], found["tokens_held"], found["requests"]


@asynccontextmanager
async def counters_locked(database: str) -> AsyncIterator[Any]:
    """Nobody can be let through meanwhile; the connection that holds the locks."""
    blocker: Any = await asyncpg.connect(database)
    try:
        async with blocker.transaction():
            await blocker.execute("select * from gateway.key_counters for update")
            yield blocker
    finally:
        await blocker.close()
