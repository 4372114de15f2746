"""`python -m bench.profile [MODEL]`: where the time of a request goes, by stage of the pipeline, by
package and by function. (MODEL: a plan of plans.py, by default answer-1024; burst-200 streams.)

The gateway runs under Python's profiler, which makes calls look dearer than they are, and the work
of a socket counts to who writes. Compare one run with another, not with the clock.
"""

import argparse
import asyncio
import marshal
import os
import re
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import processes
from bench.servers import Direct, Gateway
from bench.workloads import repeat

REQUESTS = 1500
# The stages of Pipeline.answer, each by the function that is it: file, and name.
STAGES: dict[str, tuple[str, str]] = {
    "way in (middleware)": ("gateway/http/middleware.py", "__call__"),
    "authenticate": ("gateway/http/authentication.py", "caller"),
    "receive and sanitise": ("gateway/proxy/pipeline.py", "_read"),
    "find who may serve": ("gateway/proxy/candidates.py", "find_candidates"),
    "open an entry of the outbox": ("gateway/proxy/pipeline.py", "_open_entry"),
    "authorise": ("gateway/proxy/authorise.py", "authorise"),
    "wait, forward and meter": ("gateway/proxy/forward.py", "forward"),
    "settle, up to the outbox": ("gateway/proxy/inflight.py", "finish"),
    "send to the store": ("gateway/proxy/outbox.py", "_send"),
}
_RUN = """
import cProfile, marshal, os, signal, sys
profile = cProfile.Profile()
signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
def stop(*_):
    profile.disable()
    profile.create_stats()
    with open(os.environ["PROFILE_PART"], "wb") as file:
        marshal.dump(profile.stats, file)
    os.rename(os.environ["PROFILE_PART"], os.environ["PROFILE"])
signal.signal(signal.SIGUSR2, stop)
from gateway.__main__ import main
sys.argv = ["localllm", "serve"]
sys.exit(main())
"""

_UP_TO_PACKAGE = re.compile(r"^.*/(?:site-packages/|(?=gateway/)|python3\.\d+/)")

Place = tuple[str, str]
Stats = dict[Place, tuple[int, float, float]]  # calls, seconds in itself, and with all it called


class Profiled(Gateway):
    """The gateway, with a profiler that SIGUSR1 starts and SIGUSR2 ends."""

    async def start(self, limit: float = 60.0) -> float:
        self.profile = self.directory / "profile"
        self.environment["PROFILE"] = str(self.profile)
        self.environment["PROFILE_PART"] = f"{self.profile}.part"
        command = [sys.executable, "-c", _RUN]
        self.process = processes.start(command, self.directory, self.environment, self.name)
        await self.ready("/health", limit)
        return 0.0

    def signal(self, number: int) -> None:
        assert self.process
        os.kill(self.process.pid, number)


async def measure(directory: Path, model: str) -> Stats:
    direct = Direct(directory)
    gateway = Profiled(directory, direct.target.port)
    try:
        await gateway.start()
        gateway.make_key()
        await repeat(gateway.target, model, 100)  # warm
        gateway.signal(signal.SIGUSR1)
        await repeat(gateway.target, model, REQUESTS)
        gateway.signal(signal.SIGUSR2)
        while not gateway.profile.exists():
            await asyncio.sleep(0.05)
        return read(gateway.profile)
    finally:
        gateway.stop()
        direct.stop()


def read(file: Path) -> Stats:
    """What the profiler wrote, by file and function; files are named from the package on."""
    found: Stats = {}
    for (path, _, name), (_, calls, own, all_of_it, _) in marshal.loads(file.read_bytes()).items():
        place = _UP_TO_PACKAGE.sub("", path)
        before = found.get((place, name), (0, 0.0, 0.0))
        found[place, name] = (before[0] + calls, before[1] + own, before[2] + all_of_it)
    return found


def report(stats: Stats, most: int = 25) -> str:
    """Microseconds a request."""
    total = sum(own for _, own, _ in stats.values())
    packages: Counter[str] = Counter()
    for (file, _), (_, own, _) in stats.items():
        parts = file.split("/")
        package = "/".join(parts[:2]) if parts[0] == "gateway" else parts[0]
        packages["built in" if file == "~" else package] += own  # type: ignore[assignment]

    def line(seconds: float, what: str) -> str:
        return f"{seconds / REQUESTS * 1e6:9.1f} {100 * seconds / total:5.1f} %  {what}"

    calls = sum(one for one, _, _ in stats.values()) / REQUESTS
    lines = [line(total, f"µs a request, in {calls:.0f} calls"), "", "by stage, with all it calls:"]
    lines += [line(stats.get(place, (0, 0, 0.0))[2], stage) for stage, place in STAGES.items()]
    lines += ["", "by package, in itself:"]
    lines += [line(own, name) for name, own in packages.most_common(15)]
    lines += ["", "by function, in itself:"]
    dear = sorted(stats.items(), key=lambda one: -one[1][1])[:most]
    lines += [
        line(own, f"{name}  {file}  × {n / REQUESTS:.1f}") for (file, name), (n, own, _) in dear
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("model", nargs="?", default="answer-1024")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="localllm-profile-") as scratch:
        directory = Path(scratch)
        directory.chmod(0o711)  # under root, Postgres runs as a user of its own
        print(report(asyncio.run(measure(directory, asked.model))))


if __name__ == "__main__":
    main()
