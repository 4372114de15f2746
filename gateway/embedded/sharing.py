"""Several processes, one server: who uses a data directory, and who may change what runs there.

Two files in the data directory are locked. Everything that starts or stops the server happens
under `exclusively`. Whoever uses the server has joined, and the last one to leave learns it. The
system drops the locks of a process that dies, so nothing has to be cleaned up after one.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from fasteners import InterProcessLock, InterProcessReaderWriterLock

from gateway.embedded.problems import EmbeddedError

LONGEST_WAIT = 330.0  # more than the longest start of a server

# The system counts processes, not objects: users within this process are counted here.
_joined: dict[Path, tuple[InterProcessReaderWriterLock, int]] = {}
_threads = threading.RLock()


@contextmanager
def exclusively(data_dir: Path, report: Callable[[str], None]) -> Generator[None]:
    """Nobody else starts or stops the server of this directory meanwhile."""
    lock = InterProcessLock(data_dir / "postgres.lock")
    with _threads:
        if not lock.acquire(timeout=2.0):
            report("Waiting for another localllm process to start or stop the database.")
            if not lock.acquire(timeout=LONGEST_WAIT):
                raise EmbeddedError(
                    f"Another process keeps {data_dir / 'postgres.lock'} locked: end it, "
                    "or set DATA_DIR to another directory."
                )
        try:
            yield
        finally:
            lock.release()


def join(data_dir: Path) -> None:
    """To be called under `exclusively`."""
    lock, count = _joined.get(data_dir) or (_users(data_dir), 0)
    if count == 0:
        lock.acquire_read_lock()
    _joined[data_dir] = (lock, count + 1)


def leave(data_dir: Path) -> bool:
    """To be called under `exclusively`. True: nobody uses the server any more."""
    lock, count = _joined.pop(data_dir)
    if count > 1:
        _joined[data_dir] = (lock, count - 1)
        return False
    lock.release_read_lock()
    last = lock.acquire_write_lock(blocking=False)
    if last:
        lock.release_write_lock()
    elif lock.lockfile is not None:
        lock.lockfile.close()  # what could not be locked is left open
    return last


def _users(data_dir: Path) -> InterProcessReaderWriterLock:
    return InterProcessReaderWriterLock(data_dir / "postgres.users")
