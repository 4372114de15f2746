"""A cloudflared that outlived a supervisor that was killed, on systems other than Linux."""

import contextlib
from pathlib import Path

import psutil

from tunnel import status_file


def kill_orphan(folder: Path) -> bool:
    """Kill it, and say whether there was one. The caller holds the folder's lock: the supervisor
    that wrote the status file is dead."""
    status = status_file.last_written(folder)
    if status is None or not status.cloudflared_pid:
        return False
    if not status_file.is_alive(status.cloudflared_pid, status.cloudflared_started):
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(status.cloudflared_pid)
        if not any("cloudflared" in word for word in process.cmdline()):
            return False
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        return True
    return False
