"""authorize_request: what is held is not spent, and one request leaves room for others."""

import pytest

from tests.support.sql.ledger import NOON, Ledger, settlement

pytestmark = pytest.mark.anyio


async def test_while_holds_alone_are_in_the_way_it_may_be_asked_again(ledger: Ledger):
    key = await ledger.key(limit=1000)
    running = await ledger.hold(key, prompt=800, output=100)
    held = await ledger.authorize(key, prompt=800, output=100)
    assert (held.reason, held.retry_after_ms) == ("insufficient_quota", 5000)
    await ledger.settle(settlement(running, 7, 7))
    assert (await ledger.authorize(key, prompt=800, output=100)).allowed


async def test_what_is_spent_or_can_never_fit_is_not_asked_again(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await ledger.settle(settlement(await ledger.hold(key, prompt=400, output=400), 300, 300))
    await ledger.hold(key, prompt=100, output=100)
    denied = await ledger.authorize(key, prompt=401, output=1)
    assert (denied.reason, denied.retry_after_ms) == ("insufficient_quota", None)
    assert (await ledger.authorize(key, prompt=399, output=1)).retry_after_ms == 5000


async def test_a_request_without_a_cap_leaves_room_for_three_more_like_it(ledger: Ledger):
    key = await ledger.key(limit=20_000)
    granted = [
        (await ledger.authorize(key, prompt=100, output=8192, capped=False)).granted
        for _ in range(4)
    ]
    assert granted[0] == (20_000 - 100) // 4
    assert all(one >= 256 for one in granted)


async def test_far_from_the_limit_a_request_without_a_cap_gets_all_it_may(ledger: Ledger):
    key = await ledger.key(limit=100_000)
    assert (await ledger.authorize(key, output=8192, capped=False)).granted == 8192


async def test_a_request_with_a_cap_gets_what_is_left(ledger: Ledger):
    key = await ledger.key(limit=1000)
    assert (await ledger.authorize(key, prompt=100, output=8192, capped=True)).granted == 900


async def test_the_last_tokens_go_to_a_request_without_a_cap_when_nothing_runs(ledger: Ledger):
    key = await ledger.key(limit=1000)
    await ledger.settle(settlement(await ledger.hold(key, prompt=900, output=1), 900, 0))
    assert (await ledger.authorize(key, prompt=10, output=8192, capped=False)).granted == 90


async def test_running_requests_cut_an_answer_without_a_cap_to_no_scrap(ledger: Ledger):
    key = await ledger.key(limit=1000)
    running = await ledger.hold(key, prompt=900, output=1)
    waits = await ledger.authorize(key, prompt=10, output=8192, capped=False)
    assert (waits.reason, waits.retry_after_ms) == ("insufficient_quota", 5000)
    await ledger.settle(settlement(running, 100, 0))
    assert (await ledger.authorize(key, prompt=10, output=8192, capped=False)).granted == 256


async def test_of_200_at_once_without_a_cap_a_dozen_run_and_no_token_is_overspent(ledger: Ledger):
    key = await ledger.key(limit=20_000)
    verdicts = [
        await ledger.authorize(key, NOON, prompt=100, output=8192, capped=False) for _ in range(200)
    ]
    allowed = [one for one in verdicts if one.allowed]
    assert len(allowed) >= 12  # two, before
    assert sum(100 + one.granted for one in allowed) <= 20_000
    assert {one.retry_after_ms for one in verdicts if not one.allowed} == {5000}


async def test_a_visitor_with_little_left_is_not_let_in_with_a_scrap_of_the_key(ledger: Ledger):
    key = await ledger.key(limit=600, visitors={"by": ["address"], "tokens_per_day": 900})
    ask = {"prompt": 0, "output": 500}
    running = await ledger.hold(key, **ask, capped=True, visitor={"address": "192.0.2.1"})
    other = {"prompt": 0, "output": 1000, "capped": False, "visitor": {"address": "192.0.2.2"}}
    waits = await ledger.authorize(key, **other)
    assert (waits.reason, waits.retry_after_ms) == ("insufficient_quota", 5000)
    await ledger.settle(settlement(running, 0, 0))
    assert (await ledger.authorize(key, **other)).granted == 256
