"""How long something has been so, by a clock that only goes forward."""

from collections.abc import Callable, Hashable
from time import monotonic

MINUTE = 60.0  # seconds


class Lasting:
    """Things that may be wrong for a moment without being worth a word."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since: dict[Hashable, float] = {}

    def judge(self, thing: Hashable, wrong: bool) -> bool | None:
        """True: it has been wrong for a minute; False: it is not; None: not for so long."""
        if not wrong:
            self._since.pop(thing, None)
            return False
        since = self._since.setdefault(thing, self._clock())
        return True if self._clock() - since >= MINUTE else None
