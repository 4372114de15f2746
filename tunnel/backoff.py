"""How long to wait before cloudflared is started again: exponential backoff with jitter."""

import random
from collections.abc import Callable

LONGEST = 60.0  # seconds
_FIRST = {"named": 1.0, "quick": 5.0}  # each start of a trial tunnel asks Cloudflare for a new name


def delay(failures: int, kind: str, chance: Callable[[], float] = random.random) -> float:
    """Seconds before the next start, after so many failures in a row. Half of it is random, so that
    many machines do not return at the same moment. `kind`: named | quick."""
    full = min(LONGEST, _FIRST[kind] * 2 ** min(failures - 1, 16))
    return full * (0.5 + chance() / 2)
