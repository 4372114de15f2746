"""Locks between processes. The system releases those of a process that dies."""

from pathlib import Path

from fasteners import InterProcessLock

from tunnel import private_files
from tunnel.errors import explained


def try_lock(path: Path) -> InterProcessLock | None:
    """The lock, acquired; None where another process holds it."""
    with explained(path):
        lock = private_files.lock(path)
        if lock.acquire(blocking=False):
            return lock
    if lock.lockfile is not None:
        lock.lockfile.close()  # fasteners leaves the file open when it could not lock it
    return None
