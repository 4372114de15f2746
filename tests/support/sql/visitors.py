"""Visitors of a key, as the gateway tells the store of them."""

import json
from typing import Any
from uuid import UUID

from tests.support.sql.ledger import NOON, Key, Ledger, new_hash

ISSUER = "https://auth.example/v1"
BY_ADDRESS = {"by": ["address"], "tokens_per_day": 1000}


def at(address: str, network: str | None = None) -> dict[str, Any]:
    """A caller from there."""
    return {"address": address, **({"network": network} if network else {})}


def user(subject: str, **more: Any) -> dict[str, Any]:
    """Somebody whom the issuer names."""
    return {"issuer": ISSUER, "audience": "authenticated", "subject": subject, **more}


def by_issuer(**limits: Any) -> dict[str, Any]:
    return {"by": ["issuer"], "issuer": ISSUER, "audience": "authenticated", **limits}


# What no visitors of a key may be, and of what the refusal speaks.
WRONG: list[tuple[Any, str]] = [
    ({}, "visitors.by"),
    ({"by": []}, "visitors.by"),
    ({"by": ["address", "cookie"]}, "visitors.by"),
    ({"by": ["token", "token"]}, "visitors.by"),
    ({"by": "address"}, "visitors.by"),
    ({"by": ["address"], "tokens_per_day": 0}, "visitors.tokens_per_day"),
    ({"by": ["address"], "tokens_per_day": 1.5}, "visitors.tokens_per_day"),
    ({"by": ["address"], "requests_per_min": "3"}, "visitors.requests_per_min"),
    ({"by": ["address"], "max_output_tokens": 2_000_000_000}, "visitors.max_output_tokens"),
    ({"by": ["address"], "per_day": 1}, "visitors.per_day"),
    ({"by": ["address"], "issuer": "https://a.example"}, "visitors.issuer"),
    ({"by": ["issuer"]}, "visitors.issuer"),
    ({"by": ["issuer"], "issuer": "a.example", "audience": "x"}, "visitors.issuer"),
    ({"by": ["issuer"], "issuer": "https://a.example"}, "visitors.audience"),
    (by_issuer(anonymous=3), "visitors.anonymous"),
    (by_issuer(anonymous={"by": ["address"]}), "visitors.anonymous.by"),
    (by_issuer(plans={"Pro!": {}}), "name of a plan"),
    (by_issuer(plans={"pro": {"tokens_per_day": -1}}), "visitors.plans.pro.tokens_per_day"),
    (by_issuer(plans=[]), "visitors.plans"),
    ({"by": ["token"], "keep_names": "yes"}, "visitors.keep_names"),
    ([], "visitors should be an object"),
    ("address", "visitors should be an object"),
]


async def token_of(ledger: Ledger, key: Key, visitor: str, **wishes: Any) -> str:
    """The hash of a new token."""
    token = new_hash()
    made = await mint(ledger, key, visitor, token, **wishes)
    assert made["visitor"] == visitor, made
    return token


async def mint(ledger: Ledger, key: Key, visitor: str, token: str, **wishes: Any) -> dict[str, Any]:
    return await ledger.admin(
        "create_visitor_token",
        wishes.get("at", NOON),
        key.hash,
        wishes.get("origin"),
        token,
        visitor,
        wishes.get("expires_in", 600),
        wishes.get("uses"),
        wishes.get("cap"),
        wishes.get("models"),
        wishes.get("page"),
    )


async def days(ledger: Ledger, key: Key) -> dict[UUID, tuple[int, int, int]]:
    """(used, held, requests) of each visitor's counter, pools left out."""
    rows = await ledger.connection.fetch(
        "select * from gateway.visitor_counters where api_key_id = $1 and not is_pool", key.id
    )
    return {row["id"]: (row["tokens_used"], row["tokens_held"], row["requests"]) for row in rows}


async def report(
    ledger: Ledger, shown: str, claim: dict[str, Any] | None = None, **at: Any
) -> dict[str, Any]:
    return await ledger.admin(
        "visitor_report",
        at.get("at", NOON),
        shown,
        None,
        None,
        None if claim is None else json.dumps(claim),
        None,
        None,
    )
