"""The promise of the whole: no number of callers charges a key more than its limit."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from tests.support.sql.ledger import NOON, SECOND, Ledger, settlement

pytestmark = pytest.mark.anyio

CALLERS = 200


@pytest.mark.parametrize("report", ["honest", "too much"])
async def test_200_callers_at_once_charge_no_token_more_than_the_limit(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]], report: str
):
    limit = 20_011
    key = await ledger.key(limit=limit)

    async def caller(number: int) -> tuple[int, int]:
        connection, chance = await open_more(), random.Random(number)
        allowed = reported = 0
        for turn in range(3):
            at, request = NOON + turn * SECOND, uuid4()
            prompt, output = chance.randrange(50), chance.randrange(1, 150)
            verdict = await connection.authorize(
                key, at, request=request, prompt=prompt, output=output
            )
            if not verdict.allowed:
                assert verdict.reason == "insufficient_quota"
                continue
            made = verdict.granted if report == "honest" else 5 * output
            item = settlement(request, prompt, made)
            await asyncio.gather(connection.settle(item))
            assert await connection.settle(item) == (0, 1)
            allowed, reported = allowed + 1, reported + prompt + made
        return allowed, reported

    results = await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    allowed = sum(count for count, _ in results)
    reported = sum(tokens for _, tokens in results)
    used, held, requests = await ledger.month(key)
    assert used <= limit
    assert await ledger.logged(key) == (used, requests)
    assert (held, requests) == (0, allowed)
    assert await ledger.value("select count(*) from gateway.holds where tokens > 0") == 0
    assert used == reported if report == "honest" else used == limit
    assert CALLERS // 2 < allowed < CALLERS * 3 if report == "honest" else allowed
