"""The simulation of the queue: it says the same each time, and shows what the queue promises."""

from itertools import pairwise

import pytest

from bench.queue.simulation import Home, Outcome, Simulation, Way
from bench.queue.traffic import ONE_MODEL, THREE_MODELS, traffic
from gateway.backends.scheduler import PASSED_OVER

IN_TURN, LOADED, BOTH = Way(loaded=False, read=False), Way(read=False), Way()
each_seed = pytest.mark.parametrize("seed", range(4))


def crowd(seed: int, way: Way) -> Outcome:
    """A machine with room for one of three models, and more to do than it can."""
    return Simulation(way, Home(1, 1, 1)).play(traffic(seed, 150, 60, THREE_MODELS))


@each_seed
def test_requests_for_the_loaded_model_go_first_and_it_is_swapped_for_others_less(seed: int):
    plain, queue = crowd(seed, IN_TURN), crowd(seed, LOADED)
    assert queue.requests == plain.requests
    assert queue.loads < 0.8 * plain.loads


@each_seed
def test_past_the_bound_nobody_goes_before_who_was_passed_over_earlier(seed: int):
    order = crowd(seed, LOADED).order
    passed = [(given, at) for given, at in order if at is not None]
    assert passed
    for given, at in passed:
        meanwhile = [first for when, first in order if at + PASSED_OVER < when < given]
        assert all(first is not None and first <= at for first in meanwhile)


@each_seed
@pytest.mark.parametrize("machines", [2, 3])
def test_conversations_stay_on_a_machine_so_that_less_is_read_again(machines: int, seed: int):
    talks = traffic(seed, 150, 60 / machines, ONE_MODEL)
    without, stays = (Simulation(way, Home(machines, 4, 4)).play(talks) for way in (LOADED, BOTH))
    assert stays.stayed > 1.2 * without.stayed
    assert stays.again < 0.8 * without.again


def test_the_same_seed_gives_the_same_figures():
    assert crowd(1, BOTH) == crowd(1, BOTH)
    assert crowd(1, BOTH) != crowd(2, BOTH)


def test_the_traffic_has_the_published_shape():
    """See bench/queue/traffic.py."""
    talks = traffic(1, 4000, 30, ONE_MODEL)
    chats = [one.turns for one in talks if one.turns[0].prompt < 4000 and one.turns[0].answer > 40]
    prompts = sorted(turn.prompt for turns in chats for turn in turns)
    assert 0.8 * 1020 < prompts[len(prompts) // 2] < 1.2 * 1020
    assert sum(len(turns) == 1 for turns in chats) > 0.35 * len(chats)
    gaps = [b.begins - a.begins for a, b in pairwise(talks)]
    mean = sum(gaps) / len(gaps)
    spread = sum((gap - mean) ** 2 for gap in gaps) / len(gaps) / mean**2
    assert 1.7 < spread < 2.3  # 1 / shape; 1 were callers who know nothing of each other
