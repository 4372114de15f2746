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

    `state`: starting | connected | reconnecting | restarting | stopping | failed. `since`: when
    that state began. `kind`: quick | named. `hostname` and `problem`: empty where there is none.
    Times are seconds since the epoch; with its time of start, a process id is not mistaken for a
    later one.
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
    return status if status is not None and status.state != "failed" and _is_ours(status) else None


def failed(folder: Path) -> TunnelStatus | None:
    """The status of a tunnel that ended because it can never work as set up, until another is
    started or set up; of a trial one, while its process goes on."""
    status = last_written(folder)
    if status is None or status.state != "failed":
        return None
    return status if status.kind == "named" or _is_ours(status) else None


def forget_failure(folder: Path) -> None:
    if failed(folder) is not None:
        remove(folder)


def _is_ours(status: TunnelStatus) -> bool:
    """Whether the process that wrote it still runs."""
    return is_alive(status.supervisor_pid, status.supervisor_started)


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
        self.status: TunnelStatus | None = None  # of one that runs
        self.failed: TunnelStatus | None = None  # of one whose process goes on without it

    async def refresh(self) -> TunnelStatus | None:
        self.status, self.failed = await asyncio.to_thread(self._read)
        return self.status

    def _read(self) -> tuple[TunnelStatus | None, TunnelStatus | None]:
        ended = failed(self._folder)
        return current(self._folder), ended if ended and _is_ours(ended) else None

    async def watch(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                await self.refresh()
            await asyncio.sleep(INTERVAL)
