"""Slots go round-robin over keys, and none is ever lost, whoever leaves at whatever moment."""

import asyncio
from collections import Counter, deque

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.scheduler_bench import Bench, settle

pytestmark = pytest.mark.anyio


async def test_as_many_run_at_once_as_there_are_slots():
    bench = Bench(slots=2)
    for name in "abc":
        bench.ask("k", name)
    await settle()
    assert bench.served == ["a", "b"]
    bench.end("b")
    await settle()
    assert bench.served == ["a", "b", "c"]
    await bench.finish()


async def test_keys_take_turns_and_within_a_key_the_first_is_first():
    bench = Bench(slots=1)
    for name in ("A1", "A2", "A3", "A4", "B1", "B2", "C1"):
        bench.ask(name[0], name)
        await settle()
    for _ in range(7):
        bench.end(bench.running()[0])
        await settle()
    assert bench.served == ["A1", "A2", "B1", "C1", "A3", "B2", "A4"]
    await bench.finish()


async def test_a_late_key_waits_for_one_turn_of_a_key_with_hundreds_in_line():
    bench = Bench(slots=1)
    for number in range(300):
        bench.ask("greedy", f"g{number}")
    bench.ask("modest", "m")
    await settle()
    bench.end("g0")
    await settle()
    bench.end("g1")
    await settle()
    assert bench.running() == ["m"]
    await bench.finish()


async def test_a_newcomer_with_nothing_running_goes_before_the_fifth_of_another():
    bench = Bench(slots=4)
    for name in ("A1", "A2", "A3", "A4", "A5", "A6", "B1", "C1", "B2"):
        bench.ask(name[0], name)
        await settle()
    for name in ("A1", "A2", "A3", "A4"):
        bench.end(name)
        await settle()
    assert bench.served[4:] == ["B1", "C1", "A5", "B2"]  # then each runs one, and takes its turn
    await bench.finish()


async def test_what_a_key_runs_on_one_machine_costs_it_no_turn_on_another():
    bench = Bench(slots=2, backends=2)
    for name in ("A1", "A2"):
        bench.ask("A", name, 0)
    for name in ("B1", "C1"):
        bench.ask(name[0], name, 1)
        await settle()
    for name in ("A3", "B2", "C2"):
        bench.ask(name[0], name, 1)
        await settle()
    bench.end("B1")
    await settle()
    assert bench.served[-1] == "A3"
    await bench.finish()


async def test_the_position_of_one_that_was_granted_but_has_not_run_yet_is_nought():
    bench = Bench(slots=1)
    bench.ask("a", "a")
    bench.ask("b", "b")
    await settle()
    position = bench.places["b"].position
    assert position() == 1
    looked: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def look() -> None:  # as the heartbeat may, at just this moment
        try:
            looked.set_result(position())
        except Exception as problem:
            looked.set_exception(problem)

    bench.end("a")
    asyncio.get_running_loop().call_soon(look)
    assert await looked == 0
    await bench.finish()


@given(st.lists(st.sampled_from("ABCD"), max_size=20))
def test_a_position_is_the_number_of_turns_that_follow(keys):
    async def play() -> None:
        bench = Bench(slots=1)
        bench.ask("first", "first")
        await settle()
        names = [f"{key}{number}" for number, key in enumerate(keys)]
        for name in names:
            bench.ask(name[0], name)
        await settle()
        positions = {name: bench.places[name].position() for name in names}
        await settle()
        while bench.running():
            bench.end(bench.running()[0])
            await settle()
        assert [positions[name] for name in bench.served[1:]] == list(range(1, len(names) + 1))
        await bench.finish()

    asyncio.run(play())


async def test_a_position_counts_what_the_keys_run():
    bench = Bench(slots=4)
    for name in ("A1", "A2", "A3", "A4", "A5", "A6", "B1", "C1", "B2"):
        bench.ask(name[0], name)
        await settle()
    waiting = ("B1", "C1", "B2", "A5", "A6")
    assert [bench.places[name].position() for name in waiting] == [1, 2, 3, 4, 5]
    await bench.finish()


class Model:
    """What the scheduler should do, said plainly: who runs, and each key's line in turn order."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.running: list[str] = []
        self.lines: dict[str, deque[str]] = {}

    def ask(self, name: str) -> None:
        if len(self.running) < self.slots:
            self.running.append(name)
        else:
            self.lines.setdefault(name[0], deque()).append(name)

    def end(self, name: str) -> None:
        self.running.remove(name)
        if self.lines:
            runs = Counter(one[0] for one in self.running)
            key = min(self.lines, key=lambda key: runs[key])  # of equals the first
            line = self.lines.pop(key)
            self.running.append(line.popleft())
            if line:
                self.lines[key] = line

    def leave(self, name: str) -> None:
        if name in self.running:
            self.end(name)
        else:
            line = self.lines[name[0]]
            line.remove(name)
            if not line:
                del self.lines[name[0]]


steps = st.tuples(
    st.sampled_from(["ask A", "ask B", "ask C", "end", "leave", "leave"]),
    st.integers(0, 30),
)


@given(st.integers(1, 3), st.lists(steps, max_size=40))
def test_step_by_step_exactly_those_run_that_should(slots, plan):
    async def play() -> None:
        bench, model = Bench(slots), Model(slots)
        for number, (step, pick) in enumerate(plan):
            waiting = [name for line in model.lines.values() for name in line]
            if step.startswith("ask"):
                name = f"{step[-1]}{number}"
                bench.ask(name[0], name)
                model.ask(name)
            elif step == "end" and model.running:
                name = model.running[pick % len(model.running)]
                bench.end(name)
                model.end(name)
            elif step == "leave" and (everyone := model.running + waiting):
                name = everyone[pick % len(everyone)]
                bench.tasks[name].cancel()
                model.leave(name)
            await settle()
            assert sorted(bench.running()) == sorted(model.running)
            assert bench.scheduler.queued == sum(map(len, model.lines.values()))
        await bench.finish()
        assert await bench.free_slots(slots) == slots

    asyncio.run(play())


@given(st.integers(1, 3), st.lists(st.lists(steps, max_size=5), max_size=15))
@example(1, [[("ask A", 0), ("ask B", 0)], [("leave", 1), ("end", 0)]])
def test_whatever_happens_in_one_turn_of_the_loop_no_slot_is_lost(slots, turns):
    async def play() -> None:
        bench = Bench(slots)
        number = 0
        for turn in turns:
            for step, pick in turn:
                number += 1
                alive = [name for name, task in bench.tasks.items() if not task.done()]
                if step.startswith("ask"):
                    bench.ask(step[-1], f"{step[-1]}{number}")
                elif alive:
                    name = alive[pick % len(alive)]
                    bench.end(name) if step == "end" else bench.tasks[name].cancel()
            for ticket in bench.places.values():
                assert ticket.position() >= 0
            await asyncio.sleep(0)
            assert len(bench.running()) <= slots
        await bench.finish()
        assert bench.scheduler.queued == 0
        assert await bench.free_slots(slots) == slots

    asyncio.run(play())
