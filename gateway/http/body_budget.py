"""How much of request bodies may be in memory at once, so that uploads cannot fill it.

A large body counts until its request has ended: as long as a request waits for the model, it is
kept in one form or another. Any body counts as unfinished while it is waited for. One key gets
half of what there is in all, and one visitor of it a quarter.
"""

from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from gateway.core.errors import Refusal
from gateway.http.caller import Payer

LEAST = 64 * 1024**2  # bytes in all, however small one body has to be
MOST_UNFINISHED = 256  # bodies that are waited for at once
RETRY = 2000  # ms


class BodyBudget:
    """`largest`: bytes that one body may have."""

    def __init__(self, largest: int) -> None:
        self.most = max(LEAST, 4 * largest)
        self.bytes = 0
        self.unfinished = 0
        self._bytes_of: Counter[Payer] = Counter()
        self._unfinished_of: Counter[Payer] = Counter()

    def grow(self, payer: Payer, size: int) -> Refusal | None:
        """Take room for so many bytes. A refusal: there is none now."""
        if any(self._bytes_of[one] + size > self.most // part for one, part in _parts(payer)):
            return Refusal("too_many_uploads", retry_after_ms=RETRY)
        if self.bytes + size > self.most:
            return Refusal("uploads_full", retry_after_ms=RETRY)
        self.bytes += size
        for one, _ in _parts(payer):
            self._bytes_of[one] += size
        return None

    def begin(self, payer: Payer) -> Refusal | None:
        """Wait for one more body. A refusal: too many are waited for."""
        if any(self._unfinished_of[one] >= MOST_UNFINISHED // part for one, part in _parts(payer)):
            return Refusal("too_many_uploads", retry_after_ms=RETRY)
        if self.unfinished >= MOST_UNFINISHED:
            return Refusal("uploads_full", retry_after_ms=RETRY)
        self.unfinished += 1
        for one, _ in _parts(payer):
            self._unfinished_of[one] += 1
        return None

    def end(self, payer: Payer) -> None:
        self.unfinished -= 1
        _take(self._unfinished_of, payer, 1)

    def shrink(self, payer: Payer, size: int) -> None:
        self.bytes -= size
        _take(self._bytes_of, payer, size)


class Lease:
    """What the body of one request takes of it. As a context manager it spans the time in which
    the body is waited for."""

    def __init__(self, budget: BodyBudget, payer: Payer) -> None:
        self._budget = budget
        self._payer = payer
        self._size = 0
        self.refusal: Refusal | None = None  # why it may not be waited for

    def __enter__(self) -> Self:
        self.refusal = self._budget.begin(self._payer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.refusal is None:
            self._budget.end(self._payer)

    def hold(self, size: int) -> Refusal | None:
        """Take room for as many bytes in all."""
        more = size - self._size
        refusal = self._budget.grow(self._payer, more) if more > 0 else None
        if refusal is None:
            self._size = max(size, self._size)
        return refusal

    def give_back(self) -> None:
        """The request has ended."""
        self._budget.shrink(self._payer, self._size)
        self._size = 0


def _parts(payer: Payer) -> Iterator[tuple[Payer, int]]:
    """The key, which may have half, and its visitor, who may have a quarter."""
    yield Payer(payer.key), 2
    if payer.visitor is not None:
        yield payer, 4


def _take(counts: Counter[Payer], payer: Payer, amount: int) -> None:
    for one, _ in _parts(payer):
        counts[one] -= amount
        if counts[one] <= 0:
            del counts[one]
