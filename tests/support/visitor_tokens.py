"""The Supabase function `visitor-token` between a project, Cloudflare and pages that ask it."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from gateway.core.keys import hash_key
from tests.support.admin.calls import error
from tests.support.deno import FUNCTIONS, Function, running_function
from tests.support.failing_parts import fresh_database
from tests.support.postgres import Server
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.siteverify import SECRET, Siteverify, siteverify
from tests.support.sql.ledger import Key, open_ledger

PAGE = "https://shop.example"
FOLDER = FUNCTIONS / "visitor-token"
ENTRY = Path(__file__).with_name("visitor_token.ts")
NOBODY = "00000000-0000-4000-8000-000000000000"
HOME = iter(f"198.51.100.{number}" for number in range(1, 250))


class World(NamedTuple):
    project: StandIn
    cloudflare: Siteverify
    function: Function
    dsn: str


def environment(project: StandIn, cloudflare: Siteverify, **more: str) -> dict[str, str]:
    return {
        "SUPABASE_URL": project.url,
        "SUPABASE_SECRET_KEYS": json.dumps({"default": project.secret_key}),
        "TURNSTILE_SECRET": SECRET,
        "VISITOR_USERS": "true",
        "SITEVERIFY_STAND_IN": cloudflare.url,
    } | more


@pytest.fixture(scope="module")
def world(postgres: Server) -> Iterator[World]:
    with (
        fresh_database(postgres) as dsn,
        stand_in(dsn) as project,
        siteverify() as cloudflare,
        running_function(environment(project, cloudflare), FOLDER, ENTRY) as function,
    ):
        yield World(project, cloudflare, function, dsn)


def site(world: World, **wishes: Any) -> Key:
    """A key whose website may ask for tokens."""

    async def made() -> Key:
        ledger = await open_ledger(world.dsn)
        try:
            by_token = {"by": ["token"], "tokens_per_day": 1000}
            return await ledger.key(**{"origins": [PAGE], "visitors": by_token} | wishes)
        finally:
            await ledger.connection.close()

    return asyncio.run(made())


def user(project: StandIn, **known: Any) -> tuple[str, str]:
    """The id and the token of a user who has logged in."""
    id = str(uuid4())
    project.users[id] = known
    return id, token_of(project, sub=id)


def token_of(project: StandIn, **claims: Any) -> str:
    now = int(time.time())
    return project.sign(**{"role": "authenticated", "iat": now, "exp": now + 3600} | claims)


def ask(
    world: World,
    body: Any,
    *,
    origin: str | None = PAGE,
    bearer: str | None = None,
    address: str | None = None,
    method: str = "POST",
    path: str = "/visitor-token",
    **headers: str,
) -> httpx.Response:
    """As the page of a visitor; each calls from an address of its own, unless one is named."""
    shown = {"x-forwarded-for": address or next(HOME)} | headers
    shown |= {"origin": origin} if origin else {}
    shown |= {"authorization": f"Bearer {bearer}"} if bearer else {}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with httpx.Client(trust_env=False, timeout=60) as client:
        url = world.function.url + path
        return client.request(method, url, content=content, headers=shown)


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    told = error(answer)
    return answer.status_code, told["code"], told["param"]


def authorized(world: World, token: str, origin: str | None) -> str | None:
    """What the database says to a call with it."""

    async def asked() -> str | None:
        ledger = await open_ledger(world.dsn)
        try:
            now = await ledger.value("select now()")
            return (await ledger.authorize(hash_key(token), now, origin=origin)).reason
        finally:
            await ledger.connection.close()

    return asyncio.run(asked())
