"""`scripts/bench [--quick] [--json]`: one table of the gateway, of a bare proxy, which is the
yardstick, of nginx, which is the floor, and of a direct line.

`scripts/bench --against DIRECTORY`: only the CPU, beside the gateway of another tree."""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench import figures, paired
from bench.command import begin, say
from bench.rounds import Bench, Scale
from bench.servers import BenchError

FULL = Scale(rounds=5, requests=3000, streams=600, first=200, held="paced-20x10", window=0.6)
QUICK = Scale(rounds=1, requests=1000, streams=200, first=100, held="paced-20x3", window=0.3)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 40 s instead of under 4 min")
    parser.add_argument("--json", action="store_true", help="figures for programs")
    parser.add_argument("--against", type=Path, help="a tree with an environment to compare with")
    asked = parser.parse_args()
    if not begin():
        return 1
    directory = Path(tempfile.mkdtemp(prefix="localllm-bench-"))
    directory.chmod(0o711)  # under root, Postgres runs as a user of its own and has to get there
    begun = time.monotonic()
    bench = Bench(directory, QUICK if asked.quick else FULL, say)
    try:
        if asked.against:
            print(uvloop.run(paired.run(directory, asked.against, say)))
            return 0
        uvloop.run(asyncio.wait_for(bench.run(), timeout=230))
    except (BenchError, TimeoutError) as wrong:
        say(f"The benchmark stopped: {wrong or 'it took more than 230 s'}.")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        bench.stop()
        shutil.rmtree(directory, ignore_errors=True)
    made = figures.compare(bench.samples)
    met = figures.verdicts(made)
    if asked.json:
        print(json.dumps({"figures": made, "met": met, "notes": bench.notes}, indent=1))
    else:
        print(figures.table(made))
        print("\n".join(bench.notes))
    say(f"{time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
