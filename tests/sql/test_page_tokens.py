"""Tokens that the Edge Function `visitor-token` makes for pages of a site, and how often."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Key, Ledger, new_hash
from tests.support.sql.visitors import days

pytestmark = pytest.mark.anyio

PAGE = "https://shop.example"
BY_TOKEN = {"by": ["token"], "tokens_per_day": 1000}
HOME = "203.0.113.7"


async def site(ledger: Ledger, **wishes: Any) -> Key:
    return await ledger.key(**{"origins": [PAGE], "visitors": BY_TOKEN} | wishes)


async def page(
    ledger: Ledger, key: UUID | None, address: str | None = HOME, at: Any = NOON, origin: Any = PAGE
) -> dict[str, Any]:
    return await ledger.admin("visitor_page", at, origin, key, address)


async def mint(ledger: Ledger, key: Key, visitor: str | None = None, **more: Any) -> dict[str, Any]:
    return await ledger.admin(
        "mint_visitor_token",
        more.get("at", NOON),
        key.id,
        more.get("origin", PAGE),
        more.get("address", HOME),
        visitor,
        more.get("token") or new_hash(),
        more.get("expires_in", 600),
    )


async def test_a_page_gets_tokens_of_the_key_that_names_its_website_and_of_no_other(ledger: Ledger):
    key = await site(ledger)
    assert await page(ledger, key.id) == {}
    strangers: list[tuple[UUID, str | None]] = [
        *((key.id, origin) for origin in ("https://else.example", "null", "", None)),
        *((uuid4(), PAGE), ((await site(ledger, origins=None)).id, PAGE)),
        ((await site(ledger, origins=["https://b.example"])).id, PAGE),
    ]
    for id, origin in strangers:
        assert (await page(ledger, id, origin=origin))["refusal"] == "origin_not_allowed"
        told = await mint(ledger, key._replace(id=id), origin=origin)
        assert told["refusal"] == "origin_not_allowed"
    for visitors in (None, {"by": ["address"]}):
        other = await ledger.key(origins=[PAGE], visitors=visitors)
        assert (await page(ledger, other.id))["refusal"] == "visitors_by_token_off"
        assert (await mint(ledger, other))["refusal"] == "visitors_by_token_off"
    assert await ledger.value("select count(*) from gateway.visitor_tokens") == 0
    await ledger.admin("revoke_api_key", NOON, key.id)
    assert (await page(ledger, key.id))["refusal"] == "key_revoked"
    assert (await mint(ledger, key))["refusal"] == "key_revoked"


async def test_a_preflight_is_for_the_websites_of_keys_that_give_tokens(ledger: Ledger):
    await ledger.key(origins=["https://keys.example"], visitors={"by": ["address"]})
    key = await site(ledger)
    assert await page(ledger, None, None) == {}
    for origin in ("https://keys.example", "https://else.example", "null", None):
        assert (await page(ledger, None, None, origin=origin))["refusal"] == "origin_not_allowed"
    assert await ledger.value("select count(*) from gateway.visitor_counters") == 0
    await ledger.admin("revoke_api_key", NOON, key.id)
    assert (await page(ledger, None, None))["refusal"] == "origin_not_allowed"


async def test_a_token_is_for_that_website_and_ten_minutes_at_most(ledger: Ledger):
    key = await site(ledger, cap=50)
    token = new_hash()
    made = await mint(ledger, key, "ada", token=token, expires_in=86_400)
    assert made == {"expires_at": "2030-01-15T12:10:00Z", "visitor": "ada"}
    assert (await ledger.authorize(token, origin=PAGE)).allowed
    for origin in (None, "https://else.example"):
        assert (await ledger.authorize(token, origin=origin)).reason == "origin_not_allowed"
    late = await ledger.authorize(token, NOON + 600 * SECOND, origin=PAGE)
    assert late.reason == "visitor_token_expired"


async def test_whoever_has_no_name_is_the_address_of_that_day(ledger: Ledger):
    key = await site(ledger)
    first = await mint(ledger, key)
    assert (await mint(ledger, key))["visitor"] == first["visitor"]
    assert (await mint(ledger, key, address="::ffff:203.0.113.7"))["visitor"] == first["visitor"]
    others = [
        await mint(ledger, key, address="203.0.113.8"),
        await mint(ledger, key, at=NOON + DAY),
        await mint(ledger, await site(ledger)),
    ]
    assert len({one["visitor"] for one in (first, *others)}) == 4
    for address in (None, "unknown", ""):
        assert (await mint(ledger, key, address=address))["refusal"] == "visitor_unknown"
        assert (await page(ledger, key.id, address))["refusal"] == "visitor_unknown"


async def test_an_ipv6_network_has_no_more_than_sixteen_visitors(ledger: Ledger):
    key = await site(ledger)
    sum_of_all = 0
    for number in range(20):
        token = new_hash()
        await mint(ledger, key, address=f"2001:db8:0:{number:x}::1", token=token)
        verdict = await ledger.authorize(token, origin=PAGE, prompt=0, output=1000)
        sum_of_all += verdict.granted if verdict.allowed else 0
    assert sum_of_all == 16_000 and len(await days(ledger, key)) == 16
    assert (await mint(ledger, key, address="2001:db8:1::1"))["visitor"]


async def test_an_address_has_ten_attempts_a_minute(ledger: Ledger):
    key, other = await site(ledger), await site(ledger)
    for number in range(10):
        assert await page(ledger, key.id, at=NOON + number * SECOND) == {}
    refused = await page(ledger, key.id, at=NOON + 10 * SECOND)
    assert refused["refusal"] == "visitor_rate_limit_exceeded"
    assert refused["retry_after_ms"] == 51_000
    again = NOON + timedelta(milliseconds=10_000 + refused["retry_after_ms"])
    assert await page(ledger, key.id, at=again) == {}
    assert "refusal" in await page(ledger, key.id, at=again)
    assert await page(ledger, key.id, "203.0.113.8", NOON + 10 * SECOND) == {}
    assert await page(ledger, other.id, at=NOON + 10 * SECOND) == {}


async def test_an_address_has_a_hundred_attempts_a_day(ledger: Ledger):
    key = await site(ledger)
    for number in range(100):
        assert await page(ledger, key.id, at=NOON + number * 10 * SECOND) == {}
    refused = await page(ledger, key.id, at=NOON + 3600 * SECOND)
    assert refused["retry_after_ms"] == 11 * 3600 * 1000
    assert await page(ledger, key.id, at=NOON + 12 * 3600 * SECOND) == {}


async def test_a_network_has_the_attempts_of_sixteen_addresses(ledger: Ledger):
    key = await site(ledger)
    addresses = [f"2001:db8:0:{number:x}::{more:x}" for number in range(20) for more in range(10)]
    told = [await page(ledger, key.id, address) for address in addresses]
    assert told.count({}) == 160
    assert await page(ledger, key.id, "2001:db8:1::1") == {}
    sql = "select count(*) from gateway.visitor_counters where kind = 'attempts'"
    assert await ledger.value(sql) == 16 + 1 + 2


async def test_attempts_at_once_do_not_pass_the_limit(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    key = await site(ledger)
    ledgers = [await open_more() for _ in range(30)]
    told = await asyncio.gather(*(page(one, key.id) for one in ledgers))
    assert told.count({}) == 10


async def test_attempts_are_forgotten_two_days_later_and_are_no_visitors(ledger: Ledger):
    key = await site(ledger)
    await page(ledger, key.id)
    assert await days(ledger, key) == {}
    for later, left in ((DAY, 1), (2 * DAY, 0)):
        await ledger.steady(NOON + later)
        await ledger.admin("keep_house", NOON + later, 12)
        assert await ledger.value("select count(*) from gateway.visitor_counters") == left
