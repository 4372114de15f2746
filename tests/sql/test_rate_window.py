"""authorize_request: never more calls than the limit in any 60 seconds, and hardly fewer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.sql.ledger import DAY, NOON, SECOND, Key, Ledger

pytestmark = pytest.mark.anyio

MINUTE = 60 * SECOND
_CALLS = """
select (gateway.authorize_request_at(
    t.at, gen_random_uuid(), $2, 'chat', null, 'm', '/', 1, 1, 900
)).allowed
from unnest($1::timestamptz[]) with ordinality as t (at, n)
order by t.n
"""

_WRONG_SUMS = """
select count(*) from gateway.key_counters as c
where c.window_calls <> (select sum(n) from unnest(c.window_counts) as w (n))
"""


async def passed(ledger: Ledger, key: Key, times: list[datetime]) -> list[datetime]:
    """The calls that were let through, made one after the other."""
    rows = await ledger.connection.fetch(_CALLS, times, key.hash)
    return [at for at, row in zip(times, rows, strict=True) if row[0]]


def most_in_a_minute(times: list[datetime]) -> int:
    return max((sum(start <= at < start + MINUTE for at in times) for start in times), default=0)


async def test_of_1000_calls_in_a_second_60_pass_and_no_more_in_any_minute(ledger: Ledger):
    key = await ledger.key(rate=60)
    burst = [NOON + n * SECOND / 1000 for n in range(1000)]
    assert len(await passed(ledger, key, burst)) == 60
    later = [burst[-1] + n * SECOND / 4 for n in range(1, 641)]
    allowed = burst[:60] + await passed(ledger, key, later)
    assert most_in_a_minute(allowed) == 60
    assert len(allowed) == 180  # 60 more after 61 s each: no more, and no fewer


async def test_of_1000_callers_at_once_60_pass(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    key = await ledger.key(rate=60)

    async def call(caller: Ledger, number: int) -> int:
        verdicts = [
            await caller.authorize(key, NOON + (number * 50 + n) * SECOND / 1000) for n in range(50)
        ]
        assert {v.reason for v in verdicts} <= {None, "rate_limit_exceeded"}
        return sum(v.allowed for v in verdicts)

    callers = [await open_more() for _ in range(20)]
    counts = await asyncio.gather(*(call(c, number) for number, c in enumerate(callers)))
    assert sum(counts) == 60
    assert await ledger.value("select count(*) from gateway.holds") == 60


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    limit=st.integers(1, 8),
    gaps=st.lists(
        st.one_of(
            st.integers(0, 3),
            st.sampled_from([9_999, 10_000, 10_001, 59_999, 60_000, 60_001, 69_999, 70_000]),
            st.integers(0, 15_000),
        ),
        min_size=1,
        max_size=80,
    ),
)
async def test_whatever_the_arrivals_no_minute_has_more_than_the_limit(
    ledger: Ledger, limit: int, gaps: list[int]
):
    key = await ledger.key(rate=limit)
    times: list[datetime] = []
    at = NOON
    for gap in gaps:
        at += timedelta(milliseconds=gap)
        times.append(at)
    allowed = await passed(ledger, key, times)
    assert await ledger.value(_WRONG_SUMS) == 0
    assert most_in_a_minute(allowed) <= limit
    for at in set(times) - set(allowed):  # and who was refused had reason to be
        assert sum(at - 61 * SECOND < other <= at for other in allowed) >= limit


async def test_retry_after_is_right_to_the_millisecond(ledger: Ledger):
    key = await ledger.key(rate=2)
    start = NOON + 3.5 * SECOND
    await ledger.hold(key, start)
    await ledger.hold(key, start + 20 * SECOND)
    at = start + 30 * SECOND
    denied = await ledger.authorize(key, at)
    assert denied.reason == "rate_limit_exceeded"
    assert denied.rate_remaining == 0
    assert denied.retry_after_ms is not None
    free = at + timedelta(milliseconds=denied.retry_after_ms)
    assert not (await ledger.authorize(key, free - timedelta(milliseconds=1))).allowed
    assert (await ledger.authorize(key, free)).allowed


async def test_retry_after_reckons_with_a_limit_that_was_lowered(ledger: Ledger):
    key = await ledger.key(rate=3)
    for n in range(3):
        await ledger.hold(key, NOON + n * 10 * SECOND)
    await ledger.admin("update_api_key", NOON, key.id, '{"rate_limit_per_min": 1}')
    at = NOON + 30 * SECOND
    denied = await ledger.authorize(key, at)
    free = at + timedelta(milliseconds=denied.retry_after_ms or 0)
    assert not (await ledger.authorize(key, free - timedelta(milliseconds=1))).allowed
    assert (await ledger.authorize(key, free)).allowed


async def test_the_reset_time_is_when_the_window_is_empty(ledger: Ledger):
    key = await ledger.key(rate=5)
    at = NOON + 4.5 * SECOND
    verdict = await ledger.authorize(key, at)
    assert verdict.rate_reset_ms == 60_500
    after = await ledger.authorize(key, at + 60.5 * SECOND)
    assert after.rate_remaining == 4


async def test_a_clock_that_was_set_back_does_not_block_the_key(ledger: Ledger):
    key = await ledger.key(rate=1)
    await ledger.hold(key, NOON)
    assert (await ledger.authorize(key, NOON - 5 * SECOND)).reason == "rate_limit_exceeded"
    assert (await ledger.authorize(key, NOON - 3600 * SECOND)).allowed


async def test_a_window_that_was_filled_at_once_is_free_after_a_minute(ledger: Ledger):
    key = await ledger.key(rate=2)
    first = NOON + 3.9 * SECOND
    for _ in range(2):
        await ledger.hold(key, first)
    assert (await ledger.authorize(key, first + 60 * SECOND)).reason == "rate_limit_exceeded"
    assert (await ledger.authorize(key, first + 61 * SECOND)).allowed


async def test_gateways_whose_clocks_are_a_month_apart_share_one_window(ledger: Ledger):
    key = await ledger.key(rate=3)
    ask = """
        select (gateway.authorize_request_at(
            $1, gen_random_uuid(), $2, 'chat', null, 'm', '/', 1, 1, 900, true, $3
        )).allowed
    """
    allowed = [
        await ledger.value(ask, NOON + n % 2 * 31 * DAY, key.hash, NOON + n * SECOND)
        for n in range(20)
    ]
    assert allowed == [True] * 3 + [False] * 17


async def test_the_window_goes_by_the_clock_of_postgres_whatever_gateways_say(ledger: Ledger):
    key = await ledger.key(rate=3)
    ask = """
        select (public.authorize_request(
            gen_random_uuid(), $1, 'chat', null, 'm', '/', 1, 1, 900, true, clock_timestamp() + $2
        )).allowed
    """
    off = "update gateway.clock set seen_at = clock_timestamp() + $1"
    allowed: list[bool] = []
    for n in range(8):
        # A sweep was here by the same clock: true_now takes it.
        await ledger.connection.execute(off, n % 2 * 31 * DAY)
        allowed.append(await ledger.value(ask, key.hash, n % 2 * 31 * DAY))
    assert allowed == [True] * 3 + [False] * 5
