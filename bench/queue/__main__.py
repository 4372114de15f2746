"""`python -m bench.queue [--conversations N] [--seed N]`: who waits how long, which models are
loaded, and what is read again. The scheduler is the real one; callers (traffic.py) and machines
(machine.py) are simulated, in virtual time. The same seed gives the same figures."""

import argparse
import sys
from typing import NamedTuple

from bench.queue.simulation import Home, Outcome, Simulation, Way
from bench.queue.traffic import ONE_MODEL, THREE_MODELS, traffic

ROW = "{:<32}" + "{:>11}" * 8
HEAD = ("swaps", "waits", "95 %", "longest", "worst key", "answered", "read again", "stayed")
QUEUES = {"in turn": Way(loaded=False, read=False), "loaded first": Way(read=False)}
CHOICES = {"least busy": Way(read=False), "has read it": Way(), "or is busier": Way(sticks=True)}


class Scene(NamedTuple):
    """`every`: seconds between the beginnings of two conversations."""

    title: str
    home: Home
    every: float
    models: dict[str, float] = ONE_MODEL
    ways: dict[str, Way] = CHOICES


SCENES = (
    Scene("One machine, three models", Home(1, 1, 1), 120, THREE_MODELS, QUEUES),
    Scene("Two machines, one model", Home(2, 4, 4), 30),
    Scene("Three machines, one model", Home(3, 4, 4), 20),
    Scene("Two that serve one at a time", Home(2, 4, 1), 60),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.queue", description=__doc__)
    parser.add_argument("--conversations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for scene in SCENES:
        talks = traffic(asked.seed, asked.conversations, scene.every, scene.models)
        print(ROW.format(scene.title, *HEAD))
        for name, way in scene.ways.items():
            print(ROW.format(f"  {name}", *figures(Simulation(way, scene.home).play(talks))))
        print()
    return 0


def figures(told: Outcome) -> tuple[str, ...]:
    """Swaps of 100 requests; mean wait for a slot, 95 % and the longest in seconds; the worst key's
    mean as a multiple of all; mean seconds until the answer is there; tokens read again of 100 that
    were asked; follow-ups of 100 that stayed."""
    waits = sorted(wait for one in told.waits.values() for wait in one)
    mean = sum(waits) / len(waits)
    worst = max(sum(one) / len(one) for one in told.waits.values())
    return (
        f"{100 * told.loads / told.requests:.1f}",
        f"{mean:.1f} s",
        f"{waits[int(0.95 * len(waits))]:.0f} s",
        f"{waits[-1]:.0f} s",
        f"x {worst / mean:.1f}" if mean > 1 else "-",
        f"{told.took / told.requests:.1f} s",
        f"{100 * told.again / told.asked:.0f} %",
        f"{100 * told.stayed / told.follow_ups:.0f} %",
    )


if __name__ == "__main__":
    sys.exit(main())
