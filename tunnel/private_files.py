"""Files with a secret in them: nobody but their owner may read them."""

import os
import stat
import tempfile
from pathlib import Path

from tunnel.errors import TunnelError, explained

MOST = 16 * 1024  # bytes; tokens and credentials have a few hundred
# Put there for this process alone by what started it; their modes and owners follow other rules.
_HANDED_OVER = (Path("/run/secrets"), Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/secrets")))


def private_folder(path: Path) -> Path:
    """Make the folder where it is missing, for its owner alone."""
    with explained(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def read(path: Path) -> str:
    """The text of the file. Refused where others could read it or have put it there."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for ever
    try:
        descriptor = os.open(path, flags)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise TunnelError(f"{path} cannot be read ({reason}): run localllm tunnel setup.") from None
    try:
        _check(path, os.fstat(descriptor))
        text = os.read(descriptor, MOST + 1)
    finally:
        os.close(descriptor)
    if len(text) > MOST:
        raise TunnelError(f"{path} is too large to hold a token or credentials.")
    return text.decode("utf-8", "replace").strip()


def write(path: Path, text: str, *, lasting: bool = True) -> None:
    """Put the text there, complete or not at all, with mode 0600 from the start. `lasting`: it
    survives a power cut from now on, for which the disk is waited for."""
    with explained(path):
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise TunnelError(f"{path} is not a plain file.")
    if os.name == "nt" or any(path.is_relative_to(folder) for folder in _HANDED_OVER):
        return  # on Windows a user's own folder is private, and modes mean nothing
    if status.st_mode & 0o077:
        raise TunnelError(f"{path} can be read by others; run: chmod 600 {path}")
    if status.st_uid not in {os.geteuid(), 0}:
        raise TunnelError(f"{path} belongs to another user; make a copy of your own, mode 600.")
