"""Whether a tunnel of ours is there: told by who runs it, read by the gateway and by people.

The one that runs it keeps a file in DATA_DIR/tunnel. It counts only while that process lives.
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from tunnel import private_files

FOLDER = "tunnel"  # of DATA_DIR: all that is kept of the tunnel
INTERVAL = 1.0  # seconds between two looks
_FILE = "running.json"
_SKEW = 5.0  # seconds by which the same start may be told differently


@dataclass(frozen=True)
class TunnelStatus:
    """A tunnel as its keeper last saw it.

    `state`: starting | connected | reconnecting | restarting | stopping. `since`: when it began,
    seconds of the epoch. `keeper` and `child`: process ids, each with the time of its start.
    """

    state: str
    since: float
    kind: str
    hostname: str
    connections: int
    problem: str
    version: str
    supervisor_pid: int
    supervisor_started: float
    cloudflared_pid: int = 0
    cloudflared_started: float = 0.0
    metrics_port: int = 0


def write(folder: Path, running: TunnelStatus) -> None:
    text = msgspec.json.encode(running).decode() + "\n"
    private_files.write(folder / _FILE, text, durable=False)  # it means nothing after a power cut


def remove(folder: Path) -> None:
    (folder / _FILE).unlink(missing_ok=True)


def last_written(folder: Path) -> TunnelStatus | None:
    """What was told last, by a process that may be dead."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=TunnelStatus)
    except (OSError, msgspec.MsgspecError):
        return None


def current(folder: Path) -> TunnelStatus | None:
    """The tunnel that runs now, or None."""
    running = last_written(folder)
    if running is None or not is_alive(running.supervisor_pid, running.supervisor_started):
        return None
    return running


def is_alive(pid: int, started: float) -> bool:
    """Whether that process lives, and is not another one that got its number."""
    if pid == os.getpid():
        return True
    try:
        process = psutil.Process(pid)
        return (
            abs(process.create_time() - started) < _SKEW
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.Error, ValueError, OverflowError):
        return False


def start_time(pid: int) -> float:
    """0 for a process that is gone already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


class StatusWatcher:
    """`status` at any moment without touching the disk, while `watch` runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.status: TunnelStatus | None = None

    async def refresh(self) -> TunnelStatus | None:
        self.status = await asyncio.to_thread(current, self._folder)
        return self.status

    async def watch(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                await self.refresh()
            await asyncio.sleep(INTERVAL)
