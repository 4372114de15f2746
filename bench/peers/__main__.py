"""`python -m bench.peers`: the gateway beside other gateways, nginx and a bare proxy, as Markdown.

Peers come from their package registries into a cache, and all work is the same for all of them,
round by round. What cannot be installed here is left out, and the table says why.
"""

import argparse
import datetime
import os
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path

import uvloop

from bench import figures
from bench.command import begin, say
from bench.peers import installing, table
from bench.peers.course import Course
from bench.peers.pinned import PINNED
from bench.rounds import Scale
from bench.servers import BenchError

# A load ends after 20 s, so that the slow do less of it.
FULL = Scale(rounds=5, requests=2000, streams=400, first=100, held="paced-20x10", window=0.6)
QUICK = Scale(rounds=1, requests=500, streams=60, first=40, held="paced-20x3", window=0.3)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "localllm-peers"
    names = [pin.name for pin in PINNED]
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--cache", type=Path, default=kept, help="where peers are installed")
    parser.add_argument("--only", nargs="*", choices=names, default=names, metavar="PEER")
    parser.add_argument("--olla-from", metavar="DIRECTORY", type=Path, help="a checkout to build")
    parser.add_argument("--write", action="store_true", help=f"replace the table in {table.PAGE}")
    return parser.parse_args()


def find(asked: argparse.Namespace) -> tuple[dict[str, Path], dict[str, str]]:
    """Where each peer is, and why the others are not."""
    homes: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    cache: Path = asked.cache.resolve()
    for pin in PINNED:
        if pin.name not in asked.only:
            continue
        try:
            if pin.name == "olla" and asked.olla_from:
                homes[pin.name] = installing.build(pin, asked.olla_from.resolve(), cache, say)
            else:
                homes[pin.name] = installing.install(pin, cache, say)
        except installing.LeftOut as wrong:
            left_out[pin.name] = str(wrong)
            say(f"{pin.name} is left out: {wrong}")
    return homes, left_out


def main() -> int:
    asked = arguments()
    if not begin():
        return 1
    homes, left_out = find(asked)
    directory = Path(tempfile.mkdtemp(prefix="localllm-peers-"))
    directory.chmod(0o711)  # under root, Postgres runs as a user of its own and has to get there
    course = Course(directory, QUICK if asked.quick else FULL, say, homes)
    try:
        uvloop.run(course.run())
    except BenchError as wrong:
        say(f"The benchmark stopped: {wrong}.")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        course.stop()
        shutil.rmtree(directory, ignore_errors=True)
    say("\n".join(course.notes))
    text = report(asked, course, left_out | course.failed)
    print(text)
    if asked.write:
        table.write(text)
    return 0


def report(asked: argparse.Namespace, course: Course, left_out: dict[str, str]) -> str:
    how = "python -m bench.peers" + (" --quick" if asked.quick else "")
    if len(asked.only) < len(PINNED):
        how += " --only " + " ".join(asked.only)
    took_part = {name: "" for name in course.homes if name not in course.failed}
    if asked.olla_from and "olla" in took_part:
        how += " --olla-from DIRECTORY"
        took_part["olla"] = ", built from its source"
    when = datetime.datetime.now(datetime.UTC).date()
    wrong = ("the machine was busy", "counted ")  # what the figures have to be read with
    notes = [note for note in course.notes if note.startswith(wrong)]
    told = f"`{how}` on {when}: {table.versions(took_part)}. {table.machine()}."
    told = " ".join([told, *(f"But {note}." for note in notes)])
    told = textwrap.fill(told, 145, break_long_words=False, break_on_hyphens=False)
    samples = {name: one for name, one in course.samples.items() if name not in left_out}
    return "\n".join([told, "", *table.lines(figures.compare(samples), left_out)])


if __name__ == "__main__":
    sys.exit(main())
