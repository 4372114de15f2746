"""File descriptors: how many this process may have open, and how many of them are for callers.

Each connection takes one, and so do the database, the model server and every file. Systems allow
few at first (1,024 on most) and more to whoever asks.
"""

import contextlib
import sys

ENOUGH = 65_536  # more are of no use here
FEW = 4096  # below it, a crowd of idle connections is felt
KEPT_BACK = 128  # for database, outbox, log, tunnel, and connections that are just being accepted
MOST_CALLERS = 10_000  # connections: an idle one takes 6 KB
_OTHERS = (10_240, 4096)  # what systems grant that refuse ENOUGH, as macOS does


def raise_limit() -> None:
    """Ask for as many as the system grants to this process."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (ENOUGH, *_OTHERS):
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return


def limits() -> tuple[int, int]:
    """How many may be open now, and how many at most; ENOUGH where there is no limit to speak of
    (Windows counts none)."""
    if sys.platform == "win32":
        return ENOUGH, ENOUGH
    import resource

    both = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (ENOUGH if one == resource.RLIM_INFINITY else one for one in both)
    return soft, hard


def for_callers(model_connections: int) -> int:
    """How many connections of callers may be open at once. `model_connections`: those to the model
    servers, which are needed to answer anybody."""
    return min(max(16, limits()[0] - KEPT_BACK - model_connections), MOST_CALLERS)
