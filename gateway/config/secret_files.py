"""Secrets that the gateway keeps for its owner, in small files that nobody else may read.

A file appears complete or not at all: it is written under another name, then linked. So two
processes that start at the same time end up with the same secret.
"""

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

ADMIN_SECRET_FILE = "admin-secret"  # noqa: S105 - its name in DATA_DIR


class UnsafeSecret(Exception):
    """A secret file that others could read or have put there; the text says what to do."""


def new_secret() -> str:
    """A text with 256 random bits."""
    return secrets.token_urlsafe(32)


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`. If there is none yet, `make` makes it."""
    found = read(path)
    if found is not None:
        return found
    _write_new(path, make())
    found = read(path)  # another process may have been first; then its secret counts
    if found is None:
        raise UnsafeSecret(f"{path} disappeared while it was being created; try again.")
    return found


def read(path: Path) -> str | None:
    """The secret in `path`, or None if there is no such file."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as problem:
        if path.is_symlink():
            raise UnsafeSecret(f"{path} is a link; replace it with the secret itself.") from None
        raise UnsafeSecret(f"{path} cannot be read: {problem.strerror}.") from None
    try:
        _check(path, os.fstat(descriptor))
        text = os.read(descriptor, 4096).decode("utf-8", "replace").strip()
    finally:
        os.close(descriptor)
    if not text:
        raise UnsafeSecret(f"{path} is empty; delete it, and a new secret will be created.")
    return text


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeSecret(f"{path} is not a regular file; move it away.")
    if os.name == "nt":  # the user's profile directory is private, and modes mean nothing there
        return
    if status.st_mode & 0o077:
        raise UnsafeSecret(f"{path} can be read by others; run: chmod 600 {path}")
    if status.st_uid != os.geteuid():
        raise UnsafeSecret(
            f"{path} belongs to another user; delete it, and a new secret will be created."
        )


def _write_new(path: Path, text: str) -> None:
    """Create the file unless it exists. mkstemp gives it mode 0600 from the start."""
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)  # unlike a rename, it never replaces an existing file
    finally:
        Path(temporary).unlink(missing_ok=True)
