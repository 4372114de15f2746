"""A cloudflared that was left running by a keeper that died, where no kernel ended it."""

import contextlib
from pathlib import Path

import psutil

from tunnel import presence


def end_leftover(folder: Path) -> bool:
    """End it. To be called by the one that keeps the folder's lock, so its keeper is dead."""
    running = presence.last(folder)
    if running is None or not running.child:
        return False
    if not presence.is_alive(running.child, running.child_started):
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(running.child)
        if not any("cloudflared" in word for word in process.cmdline()):
            return False
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        return True
    return False
