"""Several machines: each runs what its slots allow, the least busy first; no key blocks another."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.backend import least_busy
from tests.support.scheduler_bench import Bench, settle

pytestmark = pytest.mark.anyio


def turn(bench: Bench, number: int, *, answers: bool) -> None:
    """A machine went away, or came back."""
    bench.backends[number].client.is_up = answers
    bench.backends[number].changed()


async def test_the_least_busy_machine_is_next_and_of_equals_the_first():
    bench = Bench(slots=2, backends=3)
    for name in "abcdef":
        bench.ask("k", name)
    await settle()
    assert [bench.at(name) for name in "abcdef"] == [0, 1, 2, 0, 1, 2]
    await bench.finish()


async def test_no_machine_gets_more_than_its_slots_and_each_its_own():
    bench = Bench(slots=2, backends=2)
    for number in range(7):
        bench.ask("k", f"{number}")
    await settle()
    assert [backend.in_use for backend in bench.backends] == [2, 2]
    assert bench.scheduler.queued == 3
    bench.end(next(name for name in bench.running() if bench.at(name) == 1))
    await settle()
    assert bench.at("4") == 1
    await bench.finish()


async def test_who_waits_for_one_machine_keeps_nobody_from_another():
    bench = Bench(slots=1, backends=2)
    for number in range(5):
        bench.ask("greedy", f"g{number}", 0)
    await settle()
    bench.ask("modest", "m", 1)
    await settle()
    assert bench.running() == ["g0", "m"]
    bench.ask("greedy", "other", 1)  # the same holds within a key
    await settle()
    bench.end("m")
    await settle()
    assert bench.running() == ["g0", "other"]
    await bench.finish()


async def test_with_a_full_queue_for_one_machine_a_free_slot_of_another_is_given():
    bench = Bench(slots=1, backends=2, limit=1)
    assert bench.ask("k", "a", 0)
    assert bench.ask("k", "b", 0)
    await settle()
    assert not bench.ask("k", "c", 0)
    assert bench.ask("k", "d", 1)
    await settle()
    assert bench.running() == ["a", "d"]
    await bench.finish()


async def test_keys_take_turns_on_each_machine():
    bench = Bench(slots=1, backends=2)
    for name in ("A1", "A2", "A3", "A4", "B1", "B2"):
        bench.ask(name[0], name)
        await settle()
    for _ in range(6):
        bench.end(bench.running()[0])
        await settle()
    assert bench.served == ["A1", "A2", "A3", "B1", "A4", "B2"]
    await bench.finish()


async def test_a_machine_that_is_away_is_used_only_where_all_are():
    bench = Bench(slots=1, backends=2)
    turn(bench, 0, answers=False)
    bench.ask("k", "a")
    bench.ask("k", "b")
    bench.ask("k", "c", 0)
    await settle()
    assert bench.running() == ["a", "c"]
    assert (bench.at("a"), bench.at("c")) == (1, 0)
    turn(bench, 1, answers=False)
    bench.end("c")
    await settle()
    assert bench.at("b") == 0
    await bench.finish()


async def test_a_slot_that_falls_free_on_a_machine_that_is_away_is_not_given_to_who_has_another():
    bench = Bench(slots=1, backends=2)
    bench.ask("k", "a", 0)
    bench.ask("k", "b", 1)
    bench.ask("k", "c")
    await settle()
    turn(bench, 0, answers=False)
    bench.end("a")
    await settle()
    assert bench.running() == ["b"]
    bench.end("b")
    await settle()
    assert bench.at("c") == 1
    await bench.finish()


async def test_a_machine_that_comes_back_serves_who_waits_at_once():
    bench = Bench(slots=1, backends=2)
    turn(bench, 0, answers=False)
    bench.ask("k", "a")
    bench.ask("k", "b")
    await settle()
    assert bench.running() == ["a"]
    turn(bench, 0, answers=True)
    await settle()
    assert bench.running() == ["a", "b"]
    await bench.finish()


async def test_when_all_others_go_away_too_a_free_slot_is_used():
    bench = Bench(slots=1, backends=2)
    turn(bench, 0, answers=False)
    bench.ask("k", "a", 1)
    bench.ask("k", "b")
    await settle()
    assert bench.running() == ["a"]
    turn(bench, 1, answers=False)
    await settle()
    assert bench.at("b") == 0
    await bench.finish()


async def test_of_machines_as_busy_the_one_that_has_the_model_in_memory_is_next():
    bench = Bench(slots=2, backends=2)
    first, second = bench.backends

    def next_for(model: str) -> object:
        return least_busy(bench.backends, model)

    first.last_model = "a"
    assert next_for("a") is first
    assert next_for("b") is second  # it need not unload one
    second.last_model = "b"
    assert next_for("b") is second
    assert next_for("c") is first
    second.in_use = 1
    assert next_for("b") is first  # less to wait for counts for more


async def test_one_that_moves_gives_its_slot_back_and_comes_before_the_others_of_its_key():
    bench = Bench(slots=1, backends=2)
    bench.ask("k", "moving", 0, 1)
    bench.ask("k", "busy", 1)
    for name in ("k1", "k2"):
        bench.ask("k", name, 1)
    bench.ask("k", "waits for the first", 0)
    bench.ask("other", "o", 1)
    await settle()
    bench.move("moving")
    await settle()
    assert bench.at("waits for the first") == 0
    for _ in range(4):
        bench.end(next(name for name in bench.running() if bench.at(name) == 1))
        await settle()
    # Its key had a turn already, so it goes before its own, but after the other key.
    on_second = [name for name in bench.served if name not in {"waits for the first"}]
    assert on_second == ["moving", "busy", "o", "moving", "k1", "k2"]
    await bench.finish()


async def test_a_key_whose_requests_bounce_off_a_full_machine_does_not_starve_another():
    bench = Bench(slots=1, backends=2)
    bench.ask("greedy", "busy", 1)
    bench.ask("greedy", "g0", 0, 1)
    await settle()
    bench.ask("modest", "m", 1)
    await settle()
    bench.move("g0")
    for number in range(1, 5):
        bench.ask("greedy", f"g{number}", 0, 1)
        await settle()
        bench.move(f"g{number}")
        await settle()
    bench.end("busy")
    await settle()
    assert bench.at("m") == 1
    await bench.finish()


async def test_one_that_leaves_while_it_moves_loses_no_slot():
    bench = Bench(slots=1, backends=2)
    bench.ask("k", "busy", 1)
    bench.ask("k", "moving", 0, 1)
    await settle()
    bench.move("moving")
    await settle()
    bench.tasks["moving"].cancel()
    await settle()
    assert bench.scheduler.queued == 0
    assert [backend.in_use for backend in bench.backends] == [0, 1]
    await bench.finish()
    assert await bench.free_slots(4) == 2


steps = st.tuples(
    st.sampled_from(["ask A", "ask B", "ask C", "end", "leave", "move", "away", "back"]),
    st.integers(0, 30),
)
ABLE = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)]


@given(st.integers(1, 2), st.lists(st.lists(steps, max_size=5), max_size=15))
def test_whatever_happens_no_slot_is_lost_and_nobody_waits_beside_a_free_one(slots, turns):
    async def play() -> None:
        bench = Bench(slots, backends=3)
        number = 0
        for batch in turns:
            for step, pick in batch:
                number += 1
                alive = [name for name, task in bench.tasks.items() if not task.done()]
                if step.startswith("ask"):
                    bench.ask(step[-1], f"{step[-1]}{number}", *ABLE[pick % len(ABLE)])
                elif step in {"away", "back"}:
                    turn(bench, pick % 3, answers=step == "back")
                elif alive:
                    name = alive[pick % len(alive)]
                    if step == "leave":
                        bench.tasks[name].cancel()
                    else:
                        (bench.end if step == "end" else bench.move)(name)
            await settle()
            assert bench.scheduler.queued >= 0
            for backend in bench.backends:
                assert 0 <= backend.in_use <= slots
            for name, task in bench.tasks.items():
                ticket = bench.places[name]
                if not task.done() and ticket.backend is None:
                    assert least_busy(ticket.backends, "m") is None, "it waits beside a free slot"
        for number in range(3):
            turn(bench, number, answers=True)
        await bench.finish()
        assert bench.scheduler.queued == 0
        assert await bench.free_slots(3 * slots) == 3 * slots

    asyncio.run(play())
