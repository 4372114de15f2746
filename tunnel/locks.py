"""Locks between processes; the system drops those of a process that dies."""

from pathlib import Path

from fasteners import InterProcessLock

from tunnel.errors import explained


def try_lock(path: Path) -> InterProcessLock | None:
    """The lock, which is ours now, or None where another process has it."""
    lock = InterProcessLock(path)
    with explained(path):
        if lock.acquire(blocking=False):
            return lock
    if lock.lockfile is not None:
        lock.lockfile.close()  # what could not be locked is left open
    return None
