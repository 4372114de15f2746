"""Start, measure and end child processes. Only what was started here is ever ended."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], name: str
) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches us first and we end things in order."""
    with (directory / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], patience: float = 15.0) -> None:
    """Ask, wait, then end it and what it left behind."""
    if process.poll() is not None:
        return
    family = tree(process.pid)
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    end(family)
    process.wait(5)


def end(family: Iterable[psutil.Process], patience: float = 5.0) -> None:
    """End processes that should have gone by now; a process object knows if its id was reused."""
    _, left = psutil.wait_procs(list(family), timeout=patience)
    for one in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def tree(pid: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(family: Iterable[psutil.Process]) -> float:
    """CPU of living processes to the nanosecond, plus that of their ended children in ticks."""
    total = 0.0
    for one in family:
        with contextlib.suppress(OSError, IndexError):
            # The CPU clock of another process (clock_getcpuclockid); /proc only counts ticks.
            total += time.clock_gettime((~one.pid << 3) | 2)
            fields = Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[13]) + int(fields[14])) / TICK
    return total


def rss_bytes(family: Iterable[psutil.Process]) -> int:
    total = 0
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += one.memory_info().rss
    return total
