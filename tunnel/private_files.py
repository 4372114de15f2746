"""Files with a secret in them: only their owner may read them, and they are whole or not there.

The tunnel and the gateway both keep their secrets with it, so it imports neither. What goes wrong
with the disk is an OSError; whoever calls says what to do about it.
"""

import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from fasteners import InterProcessLock

MAX_BYTES = 16 * 1024  # tokens, credentials and passwords have a few hundred
# systemd and Docker put secrets there for one process alone, under modes and owners of their own.
_HANDED_OVER = (Path("/run/secrets"), Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/secrets")))


class UnsafeFile(Exception):
    """Others could have read or written the file, or it is not a file; the text says what to do."""


def private_folder(path: Path) -> Path:
    """Make the folder where it is missing, for its owner alone."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def read(path: Path, *, follow_links: bool = True) -> str:
    """The text of the file, without white space around it. Raises UnsafeFile and OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for ever
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError:
        if not follow_links and path.is_symlink():
            raise UnsafeFile(f"{path} is a link; replace it with the secret itself.") from None
        raise
    try:
        _check(path, os.fstat(descriptor))
        text = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(text) > MAX_BYTES:
        raise UnsafeFile(f"{path} is too large to hold a secret.")
    return text.decode("utf-8", "replace").strip()


def ensure(path: Path) -> None:
    """Make an empty file where there is none, for its owner alone; take from others what an
    earlier version let them have of one that is there."""
    os.close(_opened(path, os.O_RDONLY))


def append(path: Path) -> BinaryIO:
    """Such a file, such as a log, open to write at its end."""
    return os.fdopen(_opened(path, os.O_WRONLY | os.O_APPEND), "ab")


def lock(path: Path) -> InterProcessLock:
    """A lock between processes in such a file, not acquired yet."""
    ensure(path)
    return InterProcessLock(path)


def _opened(path: Path, flags: int) -> int:
    flags |= os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    if sys.platform != "win32":
        status = os.fstat(descriptor)
        if status.st_mode & 0o177 and status.st_uid == os.geteuid():
            os.fchmod(descriptor, 0o600)
    return descriptor


def write(
    path: Path,
    text: str,
    *,
    replace: bool = True,
    durable: bool = True,
    owner: tuple[int, int] | None = None,
) -> None:
    """Put the text there with mode 0600. At any moment the file is whole, or is not there.

    `replace`: false raises FileExistsError where there is one: the first of several writers wins.
    `durable`: waits until the text would survive a power cut. `owner`: user and group that get it.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # its mode is 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if owner is not None and sys.platform != "win32":
                os.fchown(file.fileno(), *owner)
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(path)
        else:
            os.link(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeFile(f"{path} is not a regular file; move it away.")
    if os.name == "nt" or any(path.is_relative_to(folder) for folder in _HANDED_OVER):
        return  # on Windows a user's own folder is private, and modes mean nothing
    if status.st_mode & 0o077:
        raise UnsafeFile(f"{path} can be read by others; run: chmod 600 {path}")
    if status.st_uid not in {os.geteuid(), 0}:
        raise UnsafeFile(
            f"{path} belongs to another user; replace it with a copy of your own, mode 600."
        )
