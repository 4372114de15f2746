"""A visitor's day: holds that expire, clocks that jump, midnight, and when all is forgotten."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Ledger, settlement
from tests.support.sql.visitors import BY_ADDRESS, at, by_issuer, days, user

pytestmark = pytest.mark.anyio


async def test_a_hold_that_expires_is_given_back_to_its_visitor(ledger: Ledger):
    key = await ledger.key(visitors=BY_ADDRESS)
    request = await ledger.hold(key, prompt=10, output=900, visitor=at("192.0.2.1"))
    late = NOON + 3600 * SECOND
    await ledger.sweep(late)
    assert (await ledger.sweep(late))[0] in (0, 1)
    assert list((await days(ledger, key)).values()) == [(0, 0, 0)]
    await ledger.settle(settlement(request, 10, 900), at=late)
    assert list((await days(ledger, key)).values()) == [(910, 0, 1)]


async def test_a_lost_hold_is_counted_for_its_visitor_all_the_same(ledger: Ledger):
    key = await ledger.key(visitors=BY_ADDRESS)
    verdict = await ledger.authorize(key, visitor=at("192.0.2.1"))
    assert verdict.visitor
    who = {"key_id": str(key.id), "visitor": str(verdict.visitor.id), "model": "m"}
    when = {"authorized_at": NOON.isoformat()}
    await ledger.settle(settlement(uuid4(), 3, 4, **who, **when))
    assert list((await days(ledger, key)).values()) == [(7, 30, 1)]


async def test_a_clock_that_goes_ahead_and_back_finds_the_day_again(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer(tokens_per_day=100))
    first = await ledger.hold(key, prompt=10, output=50, visitor=user("ada"))
    await ledger.settle(settlement(first, 10, 50))
    running = await ledger.hold(key, prompt=5, output=15, visitor=user("ada"))
    ahead = await ledger.authorize(key, NOON + 400 * DAY, prompt=1, output=9, visitor=user("ada"))
    assert ahead.allowed
    back = await ledger.authorize(key, prompt=10, output=10, visitor=user("ada"))
    assert back.allowed and back.visitor and back.visitor.tokens_remaining == 0
    await ledger.settle(settlement(running, 5, 15))
    assert list((await days(ledger, key)).values()) == [(80, 20, 2)]
    assert (await ledger.authorize(key, visitor=user("ada"))).reason == "visitor_tokens_held"


async def test_a_request_over_midnight_is_charged_to_the_day_that_let_it_through(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer(tokens_per_day=100))
    late = NOON + timedelta(hours=11, minutes=59)
    request = await ledger.hold(key, late, prompt=10, output=90, visitor=user("ada"))
    fresh = await ledger.authorize(key, NOON + DAY, prompt=10, output=90, visitor=user("ada"))
    assert fresh.granted == 90
    await ledger.settle(settlement(request, 10, 500), at=NOON + DAY)
    charged = await ledger.connection.fetch("select day, charged_tokens from gateway.visitor_daily")
    assert [tuple(row) for row in charged] == [(NOON.date(), 100)]
    assert list((await days(ledger, key)).values()) == [(0, 100, 0)]


async def test_idle_visitors_go_after_35_days_addresses_with_their_day_and_sums_stay(
    ledger: Ledger,
):
    here = await ledger.key(visitors=BY_ADDRESS)
    users = await ledger.key(visitors=by_issuer(tokens_per_day=100))
    for key, claim in ((here, at("192.0.2.1")), (users, user("ada"))):
        request = await ledger.hold(key, visitor=claim)
        await ledger.settle(settlement(request, 3, 4))
    left: list[tuple[int, int]] = []
    for days_later in (1, 2, 34, 36):
        later = NOON + days_later * DAY
        await ledger.steady(later)
        await ledger.admin("keep_house", later, 12)
        left.append((len(await days(ledger, here)), len(await days(ledger, users))))
    assert left == [(1, 1), (0, 1), (0, 1), (0, 0)]
    assert await ledger.value("select count(*) from gateway.address_secrets") == 0
    assert await ledger.value("select sum(charged_tokens)::int from gateway.visitor_daily") == 14


async def test_what_was_let_through_before_midnight_without_a_hold_is_counted_after_it(
    ledger: Ledger,
):
    key = await ledger.key(visitors=BY_ADDRESS)
    claim, late = at("192.0.2.1"), NOON + 11 * 3600 * SECOND
    request = uuid4()
    verdict = await ledger.authorize(key, late, request=request, prompt=10, visitor=claim)
    await ledger.settle(settlement(request, 10, 20), at=late)
    assert verdict.visitor
    # A token's visitor is the same on the next day; an address is not.
    visitor = str(verdict.visitor.id)
    sql = "update gateway.visitor_counters set day = day + 1, tokens_used = 0, requests = 0"
    await ledger.connection.execute(sql)
    lent = [
        settlement(
            uuid4(), 10, output, key_id=str(key.id), visitor=visitor, lent=True,
            authorized_at=late.isoformat(), model="m", endpoint="/",
        )
        for output in (390, 390, 390)
    ]  # fmt: skip
    await ledger.settle(*lent, at=NOON + DAY)
    assert await ledger.logged(key) == (1000, 4)
    assert await ledger.month(key) == (1000, 0, 4)


async def test_at_midnight_a_visitor_and_the_pool_are_of_one_day(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer(anonymous={"tokens_per_day": 1000}))
    midnight = NOON + 12 * 3600 * SECOND
    claim = {**user("somebody", anonymous=True), **at("192.0.2.1")}
    await ledger.hold(key, midnight - 2 * SECOND, visitor=claim)
    await ledger.hold(key, midnight, visitor=claim)
    late = await ledger.hold(key, midnight - SECOND, visitor=claim)  # it waited for the lock
    await ledger.settle(settlement(late, 10, 20), at=midnight)
    held = "select sum(tokens_held)::bigint from gateway.visitor_counters where is_pool = $1"
    assert await ledger.value(held, False) == 30  # of the second; the first has a day that is over
    assert await ledger.value(held, True) == 30


async def test_what_is_used_up_by_a_clock_that_was_ahead_is_there_when_it_is_back(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer(tokens_per_day=100))
    ahead = NOON + 40 * DAY
    await ledger.hold(key, ahead, prompt=10, output=90, visitor=user("ada"))
    assert not (await ledger.authorize(key, ahead, visitor=user("ada"))).allowed
    back = await ledger.authorize(key, prompt=10, output=90, visitor=user("ada"))
    assert back.allowed and back.granted == 90
    denied = await ledger.authorize(key, visitor=user("ada"))
    assert denied.reason == "visitor_tokens_held" and denied.retry_after_ms == 5000


async def test_a_time_too_long_for_milliseconds_is_the_longest_that_they_hold(ledger: Ledger):
    far = "select gateway.ms_between($1::timestamptz, $1 + interval '60 days')"
    assert await ledger.value(far, NOON) == 2**31 - 1


async def test_the_secret_of_the_next_day_is_there_before_the_first_address_comes(ledger: Ledger):
    secrets = "select count(*) from gateway.address_secrets"
    evening = NOON + timedelta(hours=11, minutes=30)
    await ledger.sweep(evening)
    assert await ledger.value(secrets) == 0, "nobody has visitors by address"
    await ledger.hold(await ledger.key(visitors=BY_ADDRESS), visitor=at("192.0.2.1"))
    await ledger.sweep(NOON)
    assert await ledger.value(secrets) == 1
    await ledger.sweep(evening)
    assert await ledger.value(secrets) == 2
