"""Where tests write: in memory where there is room. A new database is 300 files, which cost ten
times as much on a disk, and what syncs to it waits."""

import os
import shutil

import psutil

MEMORY = "/dev/shm"  # of every Linux; in containers it is often small, or allows no programs
ROOM = 4 * 2**30  # bytes: clusters, and demo models of 250 MB


def in_memory() -> str | None:
    """A directory in memory; None if the system's directory for such files has to do."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return None
    room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return MEMORY if room > ROOM else None
