"""How long to wait before a program that ended is started again."""

import random
from collections.abc import Callable

LONGEST = 60.0  # seconds
_FIRST = {"named": 1.0, "quick": 5.0}  # each start of a trial tunnel asks Cloudflare for a new name


def delay(failures: int, kind: str, chance: Callable[[], float] = random.random) -> float:
    """Seconds before the next start, after so many ends in a row. Half of it is left to chance,
    so that many machines do not come back in step."""
    full = min(LONGEST, _FIRST[kind] * 2 ** min(failures - 1, 16))
    return full * (0.5 + chance() / 2)
