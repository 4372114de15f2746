"""Who asks in the same turn shares a call, and nobody pays for another one's failure."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.stores.shared_calls import MOST_CALLERS, SharedCalls

pytestmark = pytest.mark.anyio


class Calls:
    """What was called. `fails`: for which arguments; `gate`: until when a call takes."""

    def __init__(self) -> None:
        self.made: list[list[int]] = []
        self.fails: set[int] = set()
        self.broken: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, asked: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        numbers = [number for (number,) in asked]
        self.made.append(numbers)
        await self.gate.wait()
        if self.broken:
            raise self.broken
        return [ValueError(str(one)) if one in self.fails else one * 10 for one in numbers]


async def test_those_of_one_group_and_turn_share_a_call():
    calls = Calls()
    shared = SharedCalls(calls)
    asked = [shared.ask("even" if one % 2 == 0 else "odd", (one,)) for one in range(6)]
    assert await asyncio.gather(*asked) == [0, 10, 20, 30, 40, 50]
    assert sorted(calls.made) == [[0, 2, 4], [1, 3, 5]]


async def until_made(calls: Calls, count: int) -> None:
    while len(calls.made) < count:
        await asyncio.sleep(0)


async def test_who_comes_while_two_calls_are_under_way_shares_the_next():
    calls = Calls()
    shared = SharedCalls(calls)
    calls.gate.clear()
    asked: list[asyncio.Task[int]] = []
    for number in (1, 2):  # the second does not wait for the first
        asked.append(asyncio.create_task(shared.ask("key", (number,))))
        await until_made(calls, number)
    for number in (3, 4):
        asked.append(asyncio.create_task(shared.ask("key", (number,))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    other = asyncio.create_task(shared.ask("other", (9,)))  # whose calls are others
    await until_made(calls, 3)
    calls.gate.set()
    assert await asyncio.gather(*asked, other) == [10, 20, 30, 40, 90]
    assert calls.made == [[1], [2], [9], [3, 4]]


async def test_a_call_is_of_no_more_callers_than_may_hold_up_one_another():
    calls = Calls()
    shared = SharedCalls(calls)
    numbers = list(range(3 * MOST_CALLERS + 1))
    found = await asyncio.gather(*(shared.ask("key", (one,)) for one in numbers))
    assert found == [10 * one for one in numbers]
    assert [len(made) for made in calls.made] == [MOST_CALLERS] * 3 + [1]


async def test_each_has_a_failure_of_its_own_and_all_that_of_the_call():
    calls = Calls()
    shared = SharedCalls(calls)
    calls.fails = {2}
    found = await asyncio.gather(
        *(shared.ask("key", (one,)) for one in (1, 2, 3)), return_exceptions=True
    )
    assert [type(one) for one in found] == [int, ValueError, int]
    calls.broken = OSError("gone")
    for one in await asyncio.gather(
        *(shared.ask("key", (one,)) for one in (1, 2)), return_exceptions=True
    ):
        assert isinstance(one, OSError)


async def test_who_is_cancelled_takes_nothing_from_the_others():
    calls = Calls()
    shared = SharedCalls(calls)
    calls.gate.clear()
    early, late, other = (asyncio.create_task(shared.ask("key", (one,))) for one in (1, 2, 3))
    await asyncio.sleep(0)
    early.cancel()  # before the call is made
    await until_made(calls, 1)
    late.cancel()  # while it is
    await asyncio.wait([early])
    await asyncio.sleep(0)
    assert not late.done(), "what it tells the database now would get in the way of the call"
    calls.gate.set()
    assert await other == 30
    assert calls.made == [[2, 3]]
    for one in (early, late):
        with pytest.raises(asyncio.CancelledError):
            await one
    await shared.close()


async def test_where_all_are_cancelled_nothing_is_called():
    calls = Calls()
    shared = SharedCalls(calls)
    task = asyncio.create_task(shared.ask("key", (1,)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await shared.close()
    assert calls.made == []


async def test_closing_waits_for_what_was_asked():
    calls = Calls()
    shared = SharedCalls(calls)
    asked = asyncio.create_task(shared.ask("key", (1,)))
    await asyncio.sleep(0)
    await shared.close()
    assert calls.made == [[1]]
    assert await asked == 10
