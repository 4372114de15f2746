"""How many may wait, whose part of a full queue is whose, and what becomes of who leaves it."""

import asyncio
from collections import Counter

import pytest

from tests.support.scheduler_bench import Bench, settle

pytestmark = pytest.mark.anyio


async def test_no_more_wait_than_the_limit_allows():
    bench = Bench(slots=1, limit=2)
    asked = []
    for name in "abcd":
        asked.append(bench.ask("k", name))
        await settle()
    assert asked == [True, True, True, False]
    assert bench.scheduler.queued == 2
    bench.end("a")
    await settle()
    assert bench.ask("k", "e")
    await bench.finish()


async def test_a_key_that_fills_the_queue_leaves_the_others_their_turn():
    bench = Bench(slots=1, limit=2)
    for number in range(4):
        bench.ask("greedy", f"g{number}")
        await settle()
    assert bench.ask("modest", "m")
    await settle()
    assert not bench.ask("modest", "m2")
    assert bench.ask("third", "t")
    await settle()
    assert not bench.ask("fourth", "f")  # memory has an end, too
    for _ in range(2):
        bench.end(bench.running()[0])
        await settle()
    assert bench.served == ["g0", "g1", "m"]
    await bench.finish()


async def test_a_full_queue_keeps_an_equal_part_for_each_key_that_waits():
    bench = Bench(slots=1, limit=12)
    for number in range(20):
        bench.ask("greedy", f"g{number}")
        await settle()
    assert bench.scheduler.queued == 12
    taken: Counter[str] = Counter()
    for key in "aaaaaaaabbbbbbbbcccccccc":
        taken[key] += bench.ask(key, f"{key}{taken[key]}")
        await settle()
    # Half of the limit beside one other key, a third beside two; in all never more than twice.
    assert taken == {"a": 6, "b": 4, "c": 2}
    assert bench.scheduler.queued == 24
    assert not bench.ask("greedy", "more")
    await bench.finish()


async def test_a_slot_is_wanted_while_somebody_waits_who_could_use_it():
    bench = Bench(slots=1, backends=2)
    bench.ask("a", "a1", 0)
    bench.ask("a", "a2", 1)
    await settle()
    first, second = bench.backends
    assert not bench.scheduler.is_wanted(first)
    bench.ask("b", "b1", 1)
    await settle()
    assert not bench.scheduler.is_wanted(first)
    assert bench.scheduler.is_wanted(second)
    await bench.finish()


async def test_with_no_waiting_allowed_only_the_slots_are_given():
    bench = Bench(slots=1, limit=0)
    assert bench.ask("k", "a")
    await settle()
    assert not bench.ask("k", "b")
    await bench.finish()


async def test_who_leaves_while_waiting_frees_its_place_in_line():
    bench = Bench(slots=1, limit=2)
    for name in "abc":
        bench.ask(name, name)
    await settle()
    bench.tasks["b"].cancel()
    await settle()
    assert bench.scheduler.queued == 1
    bench.end("a")
    await settle()
    assert bench.running() == ["c"]
    await bench.finish()
    assert await bench.free_slots(3) == 1


async def test_who_leaves_with_a_slot_gives_it_to_the_next():
    bench = Bench(slots=1)
    bench.ask("a", "a")
    bench.ask("b", "b")
    await settle()
    bench.tasks["a"].cancel()
    await settle()
    assert bench.running() == ["b"]
    await bench.finish()


@pytest.mark.parametrize("first", ["gone, then granted", "granted, then gone"])
async def test_who_leaves_at_the_moment_of_its_grant_loses_no_slot(first):
    bench = Bench(slots=1)
    for name in "abc":
        bench.ask(name, name)
    await settle()
    bench.end("a")  # in the next turn of the loop its slot goes to b
    if first == "gone, then granted":
        bench.tasks["b"].cancel()
    else:
        asyncio.get_running_loop().call_soon(bench.tasks["b"].cancel)  # between grant and start
    await settle()
    assert bench.served == ["a", "c"]
    assert bench.scheduler.queued == 0
    await bench.finish()
    assert await bench.free_slots(3) == 1
