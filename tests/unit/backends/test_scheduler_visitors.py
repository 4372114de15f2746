"""Within a key, slots go round-robin over its visitors; names are key, visitor, number: `Aa1`."""

import asyncio
from collections import Counter, OrderedDict, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scheduler_bench import Bench, settle

pytestmark = pytest.mark.anyio


def ask(bench: Bench, name: str, *able: int) -> bool:
    return bench.ask(name[0], name, *able, visitor=name[1])


async def all_in_turn(bench: Bench, count: int) -> None:
    for _ in range(count):
        bench.end(bench.running()[0])
        await settle()


async def test_visitors_of_a_key_take_turns_and_keys_do_so_first():
    bench = Bench(slots=1)
    for name in ("Aa1", "Aa2", "Aa3", "Ab1", "Ac1", "Ba1", "Ba2"):
        ask(bench, name)
        await settle()
    await all_in_turn(bench, 7)
    assert bench.served == ["Aa1", "Aa2", "Ba1", "Ab1", "Ba2", "Ac1", "Aa3"]
    await bench.finish()


async def test_a_late_visitor_waits_for_one_turn_of_one_with_hundreds_in_line():
    bench = Bench(slots=1)
    for number in range(300):
        ask(bench, f"Ag{number}")
    ask(bench, "Am0")
    await settle()
    await all_in_turn(bench, 2)
    assert bench.running() == ["Am0"]
    await bench.finish()


async def test_a_visitor_who_fills_all_slots_lets_another_in_before_getting_one_more():
    bench = Bench(slots=4)
    for name in ("Aa1", "Aa2", "Aa3", "Aa4", "Aa5", "Ab1", "Ab2"):
        ask(bench, name)
        await settle()
    for name in ("Aa1", "Aa2", "Aa3"):
        bench.end(name)
        await settle()
    assert bench.served[4:] == ["Ab1", "Ab2", "Aa5"]
    await bench.finish()


async def test_who_has_no_name_takes_turns_with_those_who_have():
    bench = Bench(slots=1)
    for number in range(3):
        bench.ask("A", f"server {number}")
    ask(bench, "Aa1")
    await settle()
    await all_in_turn(bench, 4)
    assert bench.served == ["server 0", "server 1", "Aa1", "server 2"]
    await bench.finish()


async def test_one_whose_machine_failed_comes_before_the_other_visitors():
    bench = Bench(slots=1, backends=2)
    ask(bench, "Aa1", 0, 1)
    ask(bench, "Ab1", 1)
    ask(bench, "Ac1", 1)
    await settle()
    bench.move("Aa1")
    await settle()
    bench.end("Ab1")
    await settle()
    assert bench.served == ["Aa1", "Ab1", "Aa1"]
    await bench.finish()


async def test_a_visitor_who_fills_the_queue_leaves_room_for_others_of_the_key_and_other_keys():
    bench = Bench(slots=1, limit=12)
    for number in range(20):
        ask(bench, f"Ag{number}")
        await settle()
    assert bench.scheduler.queued == 12
    taken: Counter[str] = Counter()
    for who in ("Aa", "Aa", *["Aa"] * 6, *["Ab"] * 6, *["Ba"] * 9):
        taken[who] += ask(bench, f"{who}{taken[who]}")
        await settle()
    # Half of the key's part beside one other visitor; together half as much again, so that another
    # key has room for its own part.
    assert taken == {"Aa": 6, "Ab": 0, "Ba": 6}
    assert bench.scheduler.queued == 24
    await bench.finish()


async def test_any_number_of_visitors_of_one_key_leave_room_for_another_key():
    bench = Bench(slots=1, limit=12)
    for number in range(100):
        bench.ask("A", f"{number}", visitor=f"visitor {number}")
        await settle()
    assert bench.scheduler.queued <= 18
    assert [ask(bench, f"Bb{number}") for number in range(6)] == [True] * 6
    await bench.finish()


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("abc")), max_size=20))
def test_a_position_is_the_number_of_turns_that_follow(asked: list[tuple[str, str]]):
    async def play() -> None:
        bench = Bench(slots=1)
        bench.ask("first", "first")
        await settle()
        names = [f"{key}{visitor}{number}" for number, (key, visitor) in enumerate(asked)]
        for name in names:
            ask(bench, name)
        await settle()
        positions = {name: bench.places[name].position() for name in names}
        await all_in_turn(bench, len(names) + 1)
        assert [positions[name] for name in bench.served[1:]] == list(range(1, len(names) + 1))
        await bench.finish()

    asyncio.run(play())


async def test_a_position_counts_what_the_visitors_run():
    bench = Bench(slots=4)
    for name in ("Aa1", "Aa2", "Aa3", "Aa4", "Aa5", "Aa6", "Ab1", "Ac1", "Ab2"):
        ask(bench, name)
        await settle()
    waiting = ("Ab1", "Ac1", "Ab2", "Aa5", "Aa6")
    assert [bench.places[name].position() for name in waiting] == [1, 2, 3, 4, 5]
    await bench.finish()


class Model:
    """What the scheduler should do, said plainly."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.running: list[str] = []
        self.lines: OrderedDict[str, OrderedDict[str, deque[str]]] = OrderedDict()

    @property
    def waiting(self) -> list[str]:
        return [one for lines in self.lines.values() for line in lines.values() for one in line]

    def ask(self, name: str) -> None:
        if len(self.running) < self.slots:
            self.running.append(name)
        else:
            lines = self.lines.setdefault(name[0], OrderedDict())
            lines.setdefault(name[:2], deque()).append(name)

    def end(self, name: str) -> None:
        self.running.remove(name)
        if self.lines:
            keys = Counter(one[0] for one in self.running)
            visitors = Counter(one[:2] for one in self.running)
            key = min(self.lines, key=lambda one: keys[one])  # of equals the first
            lines = self.lines[key]
            visitor = min(lines, key=lambda one: visitors[one])
            self.running.append(lines[visitor].popleft())
            lines.move_to_end(visitor)
            self.lines.move_to_end(key)
            self.tidy()

    def leave(self, name: str) -> None:
        if name in self.running:
            self.end(name)
        else:
            self.lines[name[0]][name[:2]].remove(name)
            self.tidy()

    def tidy(self) -> None:
        for key, lines in list(self.lines.items()):
            for visitor in [one for one, line in lines.items() if not line]:
                del lines[visitor]
            if not lines:
                del self.lines[key]


steps = st.tuples(
    st.sampled_from(["Aa", "Ab", "Ac", "Ba", "Bb", "end", "leave", "leave"]), st.integers(0, 30)
)


@given(st.integers(1, 3), st.lists(steps, max_size=40))
def test_step_by_step_exactly_those_run_that_should(slots: int, plan: list[tuple[str, int]]):
    async def play() -> None:
        bench, model = Bench(slots), Model(slots)
        for number, (step, pick) in enumerate(plan):
            if len(step) == 2:
                ask(bench, f"{step}{number}")
                model.ask(f"{step}{number}")
            elif step == "end" and model.running:
                name = model.running[pick % len(model.running)]
                bench.end(name)
                model.end(name)
            elif step == "leave" and (everyone := model.running + model.waiting):
                name = everyone[pick % len(everyone)]
                bench.tasks[name].cancel()
                model.leave(name)
            await settle()
            assert sorted(bench.running()) == sorted(model.running)
            assert bench.scheduler.queued == len(model.waiting)
        await bench.finish()
        assert await bench.free_slots(slots) == slots

    asyncio.run(play())
