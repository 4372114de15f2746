"""What moves to another database with the visitors of a key, and what does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.postgres import TEMPLATE, Server, _fresh
from tests.support.sql.ledger import DAY, NOON, Key, Ledger, open_ledger, settlement
from tests.support.sql.moving import export, move, table, take
from tests.support.sql.visitors import at, by_issuer, days, token_of, user

pytestmark = pytest.mark.anyio

LIMITED = by_issuer(tokens_per_day=1000)
DAILY = "select sum(charged_tokens)::int from gateway.visitor_daily where not is_pool"


@pytest.fixture
async def source(postgres: Server) -> AsyncIterator[Ledger]:
    async with _fresh(postgres, TEMPLATE) as dsn:
        ledger = await open_ledger(dsn)
        yield ledger
        await ledger.connection.close()


async def call(ledger: Ledger, key: Key, tokens: int, when: Any = NOON, **visitor: Any) -> None:
    request = await ledger.hold(key, when, prompt=10, output=tokens, **visitor)
    await ledger.settle(settlement(request, 10, tokens - 10), at=when)


async def left(ledger: Ledger, key: Key, who: str) -> int:
    verdict = await ledger.authorize(key, prompt=0, output=1000, visitor=user(who))
    return verdict.granted


async def test_a_visitor_goes_on_with_what_was_left_of_the_day(source: Ledger, ledger: Ledger):
    key = await source.key(visitors=LIMITED)
    await call(source, key, 300, NOON - DAY, visitor=user("ada"))
    await call(source, key, 700, visitor=user("ada"))
    running = await source.hold(key, prompt=10, output=20, visitor=user("ada"))
    answers = await move(source, ledger)
    assert answers["visitor_daily"] == {"imported": 2, "present": 0}
    assert await days(ledger, key) == {}
    assert await left(ledger, key, "ada") == 300
    assert list((await days(ledger, key)).values()) == [(700, 300, 1)]
    assert await left(ledger, key, "bob") == 1000
    for kind in ("keys", "visitor_daily", "logs"):
        assert await table(ledger, kind) == await table(source, kind)
    await ledger.settle(settlement(running, 10, 20, key_id=str(key.id), model="a-model"))


async def test_who_was_here_before_the_days_came_has_them_counted(source: Ledger, ledger: Ledger):
    key = await source.key(visitors=LIMITED)
    await call(source, key, 700, visitor=user("ada"))
    await take(ledger, "keys", await export(source, "keys"))
    request = await ledger.hold(key, prompt=10, output=90, visitor=user("ada"))
    await move(source, ledger)
    assert list((await days(ledger, key)).values()) == [(700, 100, 1)]
    assert await left(ledger, key, "ada") == 200
    await ledger.settle(settlement(request, 10, 90))
    assert await ledger.value(DAILY) == 800


async def test_what_both_have_counted_is_added_up(source: Ledger, ledger: Ledger):
    key = await source.key(visitors=LIMITED)
    await call(source, key, 100, visitor=user("ada"))
    await move(source, ledger)
    await call(source, key, 200, visitor=user("ada"))
    await call(ledger, key, 400, visitor=user("ada"))
    for _ in range(2):
        await move(source, ledger)
        assert await ledger.value(DAILY) == 700
        assert [one[0] for one in (await days(ledger, key)).values()] == [700]
    assert await left(ledger, key, "ada") == 300


async def test_pools_move_and_add_up_to_no_visitor(source: Ledger, ledger: Ledger):
    key = await source.key(visitors={"by": ["address"], "tokens_per_day": 100})
    place = at("2001:db8:1:1::/64", "2001:db8:1::/48")
    await call(source, key, 60, visitor=place)
    await move(source, ledger)
    assert await table(ledger, "visitor_daily") == await table(source, "visitor_daily")
    sql = "select count(*) filter (where is_pool), count(*) from gateway.visitor_daily"
    assert tuple(await ledger.connection.fetchrow(sql)) == (1, 2)


async def test_tokens_secrets_and_names_stay(source: Ledger, ledger: Ledger):
    key = await source.key(visitors={"by": ["token"], "keep_names": True})
    open_key = await source.key(visitors={"by": ["address"]})
    token = await token_of(source, key, "ada")
    await call(source, key._replace(hash=token), 50)
    await source.authorize(open_key, visitor=at("192.0.2.1"))
    await move(source, ledger)
    for name in ("visitor_tokens", "address_secrets", "visitor_counters"):
        assert await source.value(f"select count(*) from gateway.{name}") > 0
        assert await ledger.value(f"select count(*) from gateway.{name}") == 0
    assert (await ledger.authorize(token)).reason == "invalid_api_key"
    again = await token_of(ledger, key, "ada")
    await call(ledger, key._replace(hash=again), 50)
    assert await ledger.value("select count(distinct visitor) from gateway.visitor_daily") == 1


async def test_an_export_without_days_of_visitors_takes_them_from_the_log(
    source: Ledger, ledger: Ledger
):
    key = await source.key(visitors=LIMITED)
    await call(source, key, 300, visitor=user("ada"))
    for kind in ("keys", "logs"):
        await take(ledger, kind, await export(source, kind))
    assert await table(ledger, "visitor_daily") == await table(source, "visitor_daily")
