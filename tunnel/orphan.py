"""A cloudflared that was left running by a keeper that died, where no kernel ended it."""

import contextlib
from pathlib import Path

import psutil

from tunnel import status_file


def kill_orphan(folder: Path) -> bool:
    """End it. To be called by the one that keeps the folder's lock, so its keeper is dead."""
    running = status_file.last_written(folder)
    if running is None or not running.cloudflared_pid:
        return False
    if not status_file.is_alive(running.cloudflared_pid, running.cloudflared_started):
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(running.cloudflared_pid)
        if not any("cloudflared" in word for word in process.cmdline()):
            return False
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        return True
    return False
