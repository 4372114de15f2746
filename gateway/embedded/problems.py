"""Failures of the embedded Postgres, explained in one line that says what to do."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class EmbeddedError(Exception):
    """The embedded Postgres cannot be used; the text is one line that says what to do."""


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn an OSError about a file in `path` into an EmbeddedError."""
    try:
        yield
    except OSError as problem:
        raise EmbeddedError(explain(problem, path)) from None


def explain(problem: OSError, path: Path) -> str:
    culprit = problem.filename or path
    reason = (problem.strerror or str(problem)).lower()
    match problem.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return disk_full(path)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return (
                f"{culprit} cannot be written ({reason}): make it writable for this user, "
                "or set DATA_DIR to another directory."
            )
        case _:
            return f"{culprit} cannot be used ({reason}): set DATA_DIR to another directory."


def disk_full(path: Path) -> str:
    return f"The disk of {path} is full: free some space, or set DATA_DIR to another disk."


def explain_log(text: str, cluster: Path, log: Path) -> str:
    """Why one of Postgres's programs failed, judging by its output."""
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return disk_full(cluster)
    if "could not look up effective user ID" in text:
        return (
            "localllm runs as a user without an entry in the system's list of users, which "
            "Postgres needs: run it as another user (in a container: without --user), or set "
            "DATABASE_URL."
        )
    marks = ("PANIC: ", "FATAL: ", "initdb: error: ", "pg_ctl: ", "ERROR: ", "initdb: could")
    found = [line for mark in marks for line in text.splitlines() if mark in line]
    reason = found[0].split(": ", 1)[1].strip() if found else "it gave no reason"
    return (
        f"The database in {cluster} could not be started ({reason}): see {log}, restore a "
        "backup, or move that directory away to begin with an empty database."
    )
