"""`scripts/bench --against DIRECTORY`: the gateway of this tree and of another one, in turn.

Single runs differ by a tenth on a machine that does other things, and one process differs from the
next by some per cent for as long as it lives. Small helpings in turn, each compared with its
neighbour, over several starts of both, show differences of one or two per cent.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from bench import processes
from bench.servers import BenchError, Direct, Gateway
from bench.workloads import repeat

STARTS, ROUNDS = 6, 6  # of both gateways; in turn after each start
HELPINGS = {"requests": ("answer-1024", 400), "streams": ("burst-200", 160)}
QUIET = 0.15  # seconds after a load in which what it left to do (settling) still counts

Costs = dict[str, list[float]]  # CPU seconds per thousand, by workload, a sample a round


async def run(directory: Path, other: Path, say: Callable[[str], None]) -> str:
    """The comparison as a table. Raises BenchError where one of the two cannot be started."""
    direct = Direct(directory)
    programs = {"before": _program(other), "now": None}
    costs: dict[str, Costs] = {name: {load: [] for load in HELPINGS} for name in programs}
    try:
        for start in range(STARTS):
            say(f"start {start + 1} of {STARTS}")
            gateways = [
                Gateway(directory, direct.target.port, f"{name}-{start}", program)
                for name, program in programs.items()
            ]
            await _in_turn(dict(zip(programs, gateways, strict=True)), costs)
        return table(costs)
    finally:
        direct.stop()


async def _in_turn(gateways: dict[str, Gateway], costs: dict[str, Costs]) -> None:
    try:
        for gateway in gateways.values():
            await gateway.start()
            gateway.make_key()
            await _round(gateway)  # warm
        for number in range(ROUNDS):
            for name in sorted(gateways, reverse=bool(number % 2)):
                for load, cost in (await _round(gateways[name])).items():
                    costs[name][load].append(cost)
    finally:
        for gateway in gateways.values():
            gateway.stop()


def _program(tree: Path) -> str:
    program = tree.resolve() / ".venv/bin/localllm"
    if not program.exists():
        raise BenchError(f"{tree} has no environment: run its scripts/test (or uv sync) first")
    return str(program)


async def _round(gateway: Gateway) -> dict[str, float]:
    costs: dict[str, float] = {}
    for name, (model, count) in HELPINGS.items():
        before = processes.cpu_seconds(gateway.measured())
        load = await repeat(gateway.target, model, count)
        if load.lost:
            raise BenchError(f"{gateway.name}: {load.problems}")
        await asyncio.sleep(QUIET)
        used = processes.cpu_seconds(gateway.measured()) - before
        costs[name] = used / load.done * 1000
    return costs


def table(costs: dict[str, Costs]) -> str:
    row = "{:<30}{:>9}{:>9}{:>9}   {}"
    lines = [row.format("CPU s per 1,000", "before", "now", "change", "half of the rounds between")]
    for load in HELPINGS:
        before, now = costs["before"][load], costs["now"][load]
        changes = [100 * (b / a - 1) for a, b in zip(before, now, strict=True)]
        low, middle, high = quantiles(changes, n=4)
        between = f"{low:+.1f} and {high:+.1f} %"
        figures = f"{median(before):.3f}", f"{median(now):.3f}", f"{middle:+.1f} %"
        lines.append(row.format(load, *figures, between))
        lines.append(row.format("  lowest", f"{min(before):.3f}", f"{min(now):.3f}", "", ""))
    return "\n".join(line.rstrip() for line in lines)
