"""Models in memory: requests for them go first within a bound, so that a machine does not load
another model for every request."""

import random
import time
from itertools import pairwise

import pytest

from gateway.backends.model import Loaded
from gateway.backends.scheduler import PASSED_OVER
from tests.support.scheduler_bench import Bench, settle

pytestmark = pytest.mark.anyio
ANSWER, LOAD = 2.0, 10.0  # seconds


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def served_in_order(bench: Bench) -> list[str]:
    """Each ends when it has run; who has run, in order."""
    while running := bench.running():
        bench.end(running[0])
        await settle()
    return bench.served


async def test_requests_for_the_loaded_model_go_first_so_that_each_is_loaded_once():
    bench = Bench(slots=1)
    for number, model in enumerate("AABACABC"):
        bench.ask("k", f"{model}{number}", model=model)
        await settle()
    served = await served_in_order(bench)
    assert "".join(name[0] for name in served) == "AAAABBCC"
    assert bench.backends[0].swaps == 2
    await bench.finish()


async def test_who_was_passed_over_for_so_long_is_next_whatever_is_loaded():
    clock = Clock()
    bench = Bench(slots=1, clock=clock)
    bench.ask("k", "a0", model="A")
    bench.ask("k", "b", model="B")
    await settle()
    for number in range(1, 100):
        bench.ask("k", f"a{number}", model="A")
        bench.end(f"a{number - 1}")
        await settle()
        if bench.running() == ["b"]:
            break
        clock.now += 3.0
    assert bench.running() == ["b"]
    assert PASSED_OVER <= 3.0 * (number - 1) < PASSED_OVER + 3.0
    await bench.finish()


async def test_who_was_passed_over_by_its_own_key_does_not_wait_for_the_key_s_next_turn():
    clock = Clock()
    bench = Bench(slots=1, clock=clock)
    bench.ask("k", "a0", model="A")
    bench.ask("k", "b", model="B", visitor="v")
    bench.ask("k", "a1", model="A", visitor="v")
    for key in "xyz":
        bench.ask(key, key, model="A")
    await settle()
    bench.end("a0")
    await settle()
    assert bench.running() == ["a1"]  # it took its key's turn, which was b's
    clock.now += PASSED_OVER
    bench.end("a1")
    await settle()
    assert bench.running() == ["b"]
    await bench.finish()


async def test_among_those_for_the_loaded_model_keys_still_take_turns():
    bench = Bench(slots=1)
    bench.ask("greedy", "g0", model="A")
    for number in range(1, 4):
        bench.ask("greedy", f"g{number}", model="A")
    bench.ask("other", "b", model="B")
    bench.ask("modest", "m", model="A")
    await settle()
    assert await served_in_order(bench) == ["g0", "g1", "m", "g2", "g3", "b"]
    await bench.finish()


async def test_what_a_look_finds_in_memory_together_is_served_in_order_of_turns():
    bench = Bench(slots=1)
    bench.ask("k", "a0", model="A")
    await settle()
    loaded = bench.backends[0].loaded
    loaded.seen = {"A": Loaded(), "B": Loaded()}
    loaded.looked_at = time.monotonic()
    for name in ("b1", "a2", "b3"):
        bench.ask("k", name, model=name[0].upper())
        await settle()
    assert await served_in_order(bench) == ["a0", "b1", "a2", "b3"]
    await bench.finish()


async def test_what_was_seen_before_another_was_loaded_may_be_gone_since():
    bench = Bench(slots=1)
    backend = bench.backends[0]
    backend.loaded.seen = {"A": Loaded()}
    backend.loaded.looked_at = time.monotonic()
    backend.takes("A")
    backend.takes("B")
    assert backend.has_in_memory("B")
    assert not backend.has_in_memory("A")


@pytest.mark.parametrize("seed", range(20))
async def test_nobody_waits_past_the_bound_beyond_a_turn_and_loads_are_fewer(seed: int):
    """Bursts of several keys for three models, with one slot and room for one of them."""
    dice = random.Random(seed)
    clock = Clock()
    bench = Bench(slots=1, clock=clock)
    asked: dict[str, float] = {}
    began: dict[str, float] = {}
    models: dict[str, str] = {}
    for number in range(120):
        name, key, model = f"r{number}", dice.choice("xyz"), dice.choice("AAABBC")
        models[name], asked[name] = model, clock.now
        bench.ask(key, name, model=model)
        await settle()
        note(bench, clock, began)
        for _ in range(dice.choice((0, 0, 0, 1, 3))):
            await one_ends(bench, clock, models, began)
    while bench.running():
        await one_ends(bench, clock, models, began)
    order = [models[name] for name in bench.served]
    assert sorted(bench.served) == sorted(models)
    late = [
        began[name] - place.passed_at for name, place in bench.places.items() if place.passed_at
    ]
    assert max(late) <= PASSED_OVER + 2 * (ANSWER + LOAD)  # of the two other models
    as_they_came = sum(one != other for one, other in pairwise(models.values()))
    assert bench.backends[0].swaps < as_they_came / 2, order
    await bench.finish()


async def one_ends(
    bench: Bench, clock: Clock, models: dict[str, str], began: dict[str, float]
) -> None:
    running = bench.running()
    if running:
        clock.now += ANSWER
        swaps = bench.backends[0].swaps
        bench.end(running[0])
        await settle()
        note(bench, clock, began)
        clock.now += LOAD * (bench.backends[0].swaps - swaps)


def note(bench: Bench, clock: Clock, began: dict[str, float]) -> None:
    """When who runs now has got the slot."""
    for name in bench.served:
        began.setdefault(name, clock.now)


async def test_who_waits_is_told_about_how_long_by_how_long_others_took():
    clock = Clock()
    bench = Bench(slots=2, clock=clock)
    for name in "abcde":
        bench.ask("k", name)
    await settle()
    assert bench.places["e"].seconds_left() is None  # nothing has ended yet
    clock.now += 8.0
    bench.end("a")
    await settle()
    assert bench.places["d"].seconds_left() == pytest.approx(4.0)  # two slots, 8 s each
    assert bench.places["e"].seconds_left() == pytest.approx(8.0)
    await bench.finish()
