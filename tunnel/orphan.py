"""A cloudflared that outlived a supervisor that was killed: on systems other than Linux, and one
that a script in its place had started."""

import contextlib
import os
import sys
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
        return _kill_what_it_started(status)
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(status.cloudflared_pid)
        if not any("cloudflared" in word for word in process.cmdline()):
            return False
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        return True
    return False


def _kill_what_it_started(status: status_file.TunnelStatus) -> bool:
    """Of a script that is dead: it led a session of its own, and its children are still in it.
    While there is one of them, no other process gets that number."""
    if sys.platform == "win32" or psutil.pid_exists(status.cloudflared_pid):
        return False
    found = False
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(each.pid) == status.cloudflared_pid:
                each.kill()
                found = True
    return found
