"""`python -m bench.scale [--quick] [--write]`: gateways on one Postgres, and on one Supabase 80 ms
away. Under six minutes on a machine with nothing else to do; compare ratios only.

--quick: fewer gateways and rates. --write: put the tables into docs/scale.md.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.command import begin, say
from bench.scale import far, near, report
from bench.scale.fleet import Fleet, Project, log_of, safe_postgres
from bench.scale.stream_cost import StreamCost, stream_cost
from bench.servers import BenchError, Direct
from tests.support.failing_parts import fresh_database
from tests.support.postgres import Server


def fsync_ms(directory: Path) -> float:
    took: list[float] = []
    with (directory / "fsync").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = time.monotonic()
            os.fsync(file.fileno())
            took.append(time.monotonic() - began)
    return median(took) * 1e3


def measure(quick: bool, write: bool) -> int:
    parts: dict[str, str] = {}
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="localllm-")))
        parts["machine"] = report.machine(fsync_ms(directory), load)
        server = stack.enter_context(safe_postgres())
        model = Direct(directory)
        stack.callback(model.stop)
        dsn = stack.enter_context(fresh_database(server))
        cases, limits, cost = near_by(server, dsn, model.target.port, quick)
        parts["arithmetic"] = report.arithmetic(cost)
        parts["near"], parts["limits"] = report.near_table(cases), report.limit_table(limits)
        other = stack.enter_context(fresh_database(server))
        far_cases = far_away(other, model.target.port, quick)
        parts["far"] = report.far_table(far_cases)
        log = log_of(server)
    off = sum(one.off for one in (*cases, *far_cases))
    off += sum(abs(one.requests - one.answered) for one in limits)
    lost = sum(one.load.problems.total() for one in (*cases, *far_cases))
    overspent = sum(one.overspent for one in limits)
    long, dead = log.count(" still waiting for "), log.count("deadlock detected")
    parts["sums"] = (
        f"In all of it: overspent {overspent} tokens, answers that were not counted once {off}, "
        f"requests without a good answer {lost}, deadlocks {dead}, waits for a lock of more than "
        f"100 ms {long}."
    )
    for name in report.PARTS:
        print(parts[name], end="\n\n")
    for one in (*cases, *far_cases):
        if one.load.problems:
            say(f"{one.whose}, {one.gateways} gateways, {one.rate}: {one.load.problems}")
    if write:
        report.write(parts)
    return int(bool(overspent or off or dead))


def near_by(
    server: Server, dsn: str, model: int, quick: bool
) -> tuple[list[near.Case], list[near.Limit], StreamCost]:
    cases: list[near.Case] = []
    with Fleet(model, dsn) as fleet:
        bench = near.Near(server, dsn, fleet)
        bench.prepare()
        fleet.grow(1)
        bench.warm()
        say("1 gateway, streams")
        cost = stream_cost(server, dsn, fleet)
        for number in (1, 4) if quick else near.GATEWAYS:
            fleet.grow(number)
            bench.warm()
            for whose in bench.whose:
                for rate in near.RATES:
                    if rate == near.RATES[0] and whose != bench.whose[0]:
                        continue
                    say(f"{number} gateways, {whose}, {rate or 'flat out'}")
                    cases.append(bench.case(whose, rate))
        say("limits")
        limits = near.limits(dsn, fleet.ports)
    cases.sort(key=lambda one: bench.whose.index(one.whose))
    return cases, limits, cost


def far_away(dsn: str, model: int, quick: bool) -> list[far.FarCase]:
    cases: list[far.FarCase] = []
    project = Project(dsn, far.AWAY)
    secrets = {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_KEY": project.key}
    try:
        with Fleet(model, **secrets) as fleet:
            bench = far.Far(dsn, project, fleet)
            bench.prepare()
            for number in (1, 4) if quick else far.GATEWAYS:
                fleet.grow(number)
                bench.warm()
                for whose in bench.whose:
                    for rate in far.RATES:
                        say(f"80 ms away: {number} gateways, {whose}, {rate}")
                        cases.append(bench.case(whose, rate))
    finally:
        project.stop()
    cases.sort(key=lambda one: bench.whose.index(one.whose))
    return cases


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer gateways")
    parser.add_argument("--write", action="store_true", help="replace the tables in docs/scale.md")
    asked = parser.parse_args()
    if not begin():
        return 1
    begun = time.monotonic()
    try:
        return measure(asked.quick, asked.write)
    except BenchError as wrong:
        say(f"The benchmark stopped: {wrong}.")
        return 1
    finally:
        say(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
