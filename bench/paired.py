"""`scripts/bench --against DIRECTORY`: the gateway of this tree and of another one, in turn.

Single runs differ by a tenth on a machine that does other things. Small helpings in turn, each
compared with its neighbour, show differences of one or two per cent.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from bench import processes
from bench.servers import BenchError, Direct, Gateway, Server
from bench.workloads import repeat

ROUNDS = 30
HELPINGS = {"requests": ("answer-1024", 400), "streams": ("burst-200", 80)}
QUIET = 0.15  # seconds after a load in which what it left to do (settling) still counts

Costs = dict[str, list[float]]  # CPU seconds per thousand, by workload, a sample a round


async def run(directory: Path, other: Path, say: Callable[[str], None]) -> str:
    """The comparison as a table. Raises BenchError where one of the two cannot be started."""
    servers: list[Server] = [Direct(directory)]
    try:
        gateways = {
            name: Gateway(directory, servers[0].target.port, name, program)
            for name, program in (("before", _program(other)), ("now", None))
        }
        costs: dict[str, Costs] = {name: {load: [] for load in HELPINGS} for name in gateways}
        for gateway in gateways.values():
            servers.append(gateway)
            await gateway.start()
            gateway.make_key()
            await _round(gateway)  # warm
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            for name in sorted(gateways, reverse=bool(number % 2)):
                for load, cost in (await _round(gateways[name])).items():
                    costs[name][load].append(cost)
        return table(costs)
    finally:
        for server in reversed(servers):
            server.stop()


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
