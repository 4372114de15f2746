"""The status of the running tunnel: written by its supervisor, read by the gateway and commands.

The supervisor (tunnel.supervisor) is the process that runs the tunnel. It keeps a file in
DATA_DIR/tunnel, which counts only while that process lives.
"""

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec
import psutil

from tunnel import private_files

FOLDER = "tunnel"  # in DATA_DIR: everything that is kept of the tunnel
INTERVAL = 1.0  # seconds between two reads of the watcher
_FILE = "running.json"
_SKEW = 5.0  # seconds by which the start of one process may be reported differently


class TunnelStatus(msgspec.Struct, frozen=True):
    """A running tunnel as its supervisor last described it.

    `state`: starting | connected | reconnecting | restarting | stopping. `since`: when that state
    began. `kind`: quick | named. `hostname` and `problem`: empty where there is none. Times are
    seconds since the epoch; with its time of start, a process id is not mistaken for a later one.
    """

    state: str
    since: float
    kind: str
    hostname: str
    connections: int
    problem: str
    version: str
    # The names in the file are those of earlier versions, whose tunnels may still be running.
    supervisor_pid: int = msgspec.field(name="keeper")
    supervisor_started: float = msgspec.field(name="keeper_started")
    cloudflared_pid: int = msgspec.field(default=0, name="child")
    cloudflared_started: float = msgspec.field(default=0.0, name="child_started")
    metrics_port: int = 0


def write(folder: Path, status: TunnelStatus) -> None:
    text = msgspec.json.encode(status).decode() + "\n"
    private_files.write(folder / _FILE, text, durable=False)  # meaningless after a power cut


def remove(folder: Path) -> None:
    (folder / _FILE).unlink(missing_ok=True)


def last_written(folder: Path) -> TunnelStatus | None:
    """What was written last, perhaps by a process that is dead; None where nothing was."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=TunnelStatus)
    except (OSError, msgspec.MsgspecError):
        return None


def current(folder: Path) -> TunnelStatus | None:
    """The status of the tunnel that runs now, or None."""
    status = last_written(folder)
    if status is None or not is_alive(status.supervisor_pid, status.supervisor_started):
        return None
    return status


def is_alive(pid: int, started: float) -> bool:
    """Whether the process that started then still runs, and no other one got its number."""
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
    """When the process started; 0 for one that has ended."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


class StatusWatcher:
    """Keeps `status` current while `watch` runs, so that a request need not read the disk."""

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
