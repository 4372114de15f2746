"""admin_login: who guesses the admin secret is locked out, whatever the last guess was."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.support.sql.ledger import NOON, SECOND, Ledger

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
HOME = "203.0.113.7"
YES = {"allowed": True, "retry_after_ms": None}
NO = {"allowed": False, "retry_after_ms": None}


async def fail(ledger: Ledger, times: int, address: str | None = HOME, at=NOON) -> dict:
    """The answer to the last of so many wrong secrets."""
    for _ in range(times - 1):
        assert await ledger.admin("admin_login", at, address, False) == NO
    return await ledger.admin("admin_login", at, address, False)


async def come(ledger: Ledger, address: str | None = HOME, at=NOON) -> dict:
    return await ledger.admin("admin_login", at, address, True)


async def rows(ledger: Ledger) -> int:
    return await ledger.value("select count(*) from gateway.admin_failures")


async def test_the_right_secret_is_let_in_and_leaves_no_trace(ledger: Ledger):
    assert await come(ledger) == YES
    assert await rows(ledger) == 0


async def test_nine_failures_are_borne_and_the_tenth_locks_out_even_the_right_secret(
    ledger: Ledger,
):
    assert await fail(ledger, 9) == NO
    assert await come(ledger) == YES
    assert await fail(ledger, 1) == {"allowed": False, "retry_after_ms": 900_000}
    assert await come(ledger, at=NOON + MINUTE) == {"allowed": False, "retry_after_ms": 840_000}
    assert await come(ledger, address="203.0.113.8") == YES


async def test_attempts_while_locked_out_do_not_make_it_longer(ledger: Ledger):
    await fail(ledger, 10)
    for minute in range(15):
        await ledger.admin("admin_login", NOON + minute * MINUTE, HOME, False)
    assert await come(ledger, at=NOON + 15 * MINUTE - SECOND / 1000) == {
        "allowed": False,
        "retry_after_ms": 1,
    }
    assert await come(ledger, at=NOON + 15 * MINUTE) == YES


async def test_no_fifteen_minutes_see_more_than_ten_failures(ledger: Ledger):
    """A window that begins anew would let nineteen through around its end."""
    await fail(ledger, 1)
    await fail(ledger, 8, at=NOON + 14 * MINUTE)
    assert (await fail(ledger, 1, at=NOON + 14 * MINUTE))["retry_after_ms"] == 60_000
    later = NOON + 15 * MINUTE
    assert (await fail(ledger, 1, at=later))["retry_after_ms"] == 14 * 60_000


async def test_guesses_from_everywhere_lock_out_nobody_else_and_fill_no_disk(ledger: Ledger):
    for number in range(1100):
        at = NOON + number * SECOND / 10
        assert await fail(ledger, 1, f"198.51.{number // 200}.{number % 200}", at) == NO
    assert await rows(ledger) == 1000
    assert await come(ledger, at=NOON + 2 * MINUTE) == YES
    assert (await fail(ledger, 10, at=NOON + 2 * MINUTE))["retry_after_ms"] == 900_000


async def test_a_clock_that_was_ahead_locks_nobody_out_for_longer(ledger: Ledger):
    await fail(ledger, 10, at=NOON + timedelta(days=31))
    assert await come(ledger) == YES
    await fail(ledger, 10)
    assert await rows(ledger) == 10
    assert await come(ledger, at=NOON + 15 * MINUTE) == YES


async def test_what_has_grown_old_vanishes(ledger: Ledger):
    await fail(ledger, 5)
    await fail(ledger, 1, "192.0.2.1", NOON + 15 * MINUTE)
    assert await rows(ledger) == 1


SAME = [
    ("2001:db8:1:2::1", "2001:db8:1:ff:ffff:ffff:ffff:ffff"),
    ("203.0.113.7", "::ffff:203.0.113.7"),
    (None, ""),
    ("garbage", "203.0.113.7, 192.0.2.1"),
    (None, "1" * 100_000),
    ("fe80::1%eth0", "'; drop table gateway.api_keys; --"),
]
OTHER = [
    ("2001:db8:1:2::1", "2001:db8:1:102::1"),
    ("::ffff:203.0.113.7", "::ffff:203.0.113.8"),
    ("127.0.0.1", "::1"),
    (None, "203.0.113.7"),
]


async def test_addresses_of_one_source_share_their_failures_and_those_of_two_do_not(
    ledger: Ledger,
):
    for one, other in SAME:
        assert await fail(ledger, 5, one) == NO, one
        assert (await fail(ledger, 5, other))["retry_after_ms"] == 900_000, other
        assert (await come(ledger, one))["allowed"] is False
        await ledger.connection.execute("delete from gateway.admin_failures")
    for one, other in OTHER:
        await fail(ledger, 10, one)
        assert await come(ledger, other) == YES, other
        await ledger.connection.execute("delete from gateway.admin_failures")


async def test_no_answer_to_whether_it_matched_is_a_no(ledger: Ledger):
    assert await ledger.admin("admin_login", NOON, HOME, None) == NO
    assert await rows(ledger) == 1


async def test_guesses_sent_all_at_once_are_decided_one_after_another(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    """The right one among them waits its turn behind nine that are not decided yet."""
    others = [await open_more() for _ in range(20)]
    async with ledger.connection.transaction():
        await fail(ledger, 10)
        wrong = [asyncio.create_task(fail(other, 1)) for other in others[:19]]
        right = asyncio.create_task(come(others[19]))
        await ledger.wait_for_waiting(20)
    answers = await asyncio.gather(*wrong, right)
    assert all(answer == answers[0] for answer in answers), answers
    assert answers[0]["retry_after_ms"] == 900_000
    assert await rows(ledger) == 10


async def test_the_public_function_takes_the_time_of_now(ledger: Ledger):
    call = "select public.admin_login(p_address => '192.0.2.1', p_matched => $1)"
    for _ in range(10):
        await ledger.value(call, False)
    assert '"allowed": false' in await ledger.value(call, True)
    newest = await ledger.value("select now() - max(failed_at) from gateway.admin_failures")
    assert newest < MINUTE
