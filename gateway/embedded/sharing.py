"""One server for several processes: who uses it, and who may start or stop it.

Two files in the data directory are locked. Everything that starts or stops the server happens under
`exclusively`. A process that uses the server has joined, and the last one to leave is told so. The
system releases the locks of a process that dies, so nothing has to be cleaned up.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from fasteners import InterProcessReaderWriterLock

from gateway.embedded.problems import EmbeddedError
from tunnel import private_files

LONGEST_WAIT = 330.0  # more than the longest start of a server

# File locks belong to a process: users within this process are counted here.
_joined: dict[Path, tuple[InterProcessReaderWriterLock, int]] = {}
_threads = threading.RLock()


@contextmanager
def exclusively(data_dir: Path, report: Callable[[str], None]) -> Generator[None]:
    """While active, no other process starts or stops the server of this directory."""
    lock = private_files.lock(data_dir / "postgres.lock")
    with _threads:
        if not lock.acquire(timeout=2.0):
            report("Waiting for another localllm process to start or stop the database.")
            if not lock.acquire(timeout=LONGEST_WAIT):
                raise EmbeddedError(
                    f"Another process keeps {data_dir / 'postgres.lock'} locked: stop it, "
                    "or set DATA_DIR to another directory."
                )
        try:
            yield
        finally:
            lock.release()


def join(data_dir: Path) -> None:
    """Register as a user of the server. To be called under `exclusively`."""
    lock, count = _joined.get(data_dir) or (_users(data_dir), 0)
    if count == 0:
        lock.acquire_read_lock()
    _joined[data_dir] = (lock, count + 1)


def leave(data_dir: Path) -> bool:
    """Stop being a user of the server; whether nobody uses it any more. To be called under
    `exclusively`."""
    lock, count = _joined.pop(data_dir)
    if count > 1:
        _joined[data_dir] = (lock, count - 1)
        return False
    lock.release_read_lock()
    last = lock.acquire_write_lock(blocking=False)
    if last:
        lock.release_write_lock()
    elif lock.lockfile is not None:
        lock.lockfile.close()  # fasteners leaves it open if the lock was not acquired
    return last


def _users(data_dir: Path) -> InterProcessReaderWriterLock:
    path = data_dir / "postgres.users"
    private_files.ensure(path)
    return InterProcessReaderWriterLock(path)
