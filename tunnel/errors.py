"""The errors of the tunnel. Their texts are for the owner of the machine."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class TunnelError(Exception):
    """The tunnel cannot run now; the text is one line that says what to do."""


class PermanentError(TunnelError):
    """Another try would not help: the owner has to change something."""


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turns an OSError about something in `path` into a TunnelError."""
    try:
        yield
    except OSError as problem:
        raise TunnelError(_explain(problem, path)) from None


def _explain(problem: OSError, path: Path) -> str:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk of {path} is full: free some space, or set DATA_DIR to another disk."
    reason = (problem.strerror or str(problem)).lower()
    return f"{problem.filename or path} cannot be used ({reason}): mend that, or set DATA_DIR."
