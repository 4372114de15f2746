"""All open connections: who waits on them for how long, and who goes first when there are too many.

A connection that serves a request is left alone. All others wait: for a head, for the rest of one,
for the end of a body that nobody will read, or for a client to take its answer. They stand here in
the order in which they began to wait, those that have shown no key apart from those that have. One
look a second ends those whose time is over, so that no connection needs a timer of its own.
"""

import asyncio
import logging
import math
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary

LOOK = 1.0  # seconds between two looks
MOST_OF_HEADS = 32 * 1024**2  # bytes of heads that have not come to their end
MOST_UNREAD = 32 * 1024**2  # bytes of finished answers that wait for their clients to take them

_log = logging.getLogger("localllm.http")


class Waiting(Protocol):
    """One connection. `until`: when its time is over, by the loop's clock."""

    until: float
    trusted: bool

    def expire(self) -> None:
        """Its time is over."""
        ...

    def drop(self) -> None:
        """Close it at once, whatever has not been sent."""
        ...

    def unsent(self) -> int:
        """Bytes that its client has not taken."""
        ...


class Connections:
    """Those of one server. `most`: how many there may be."""

    _of: ClassVar["WeakKeyDictionary[Any, Connections]"] = WeakKeyDictionary()

    def __init__(self, opened: set[Any]) -> None:
        """`opened`: the server's own list of them."""
        self.most: float = math.inf
        self._opened = opened
        self._strangers: dict[Waiting, None] = {}
        self._trusted: dict[Waiting, None] = {}
        self._unread: dict[Waiting, int] = {}  # bytes, when they were looked at last
        self._unread_in_all = 0  # the sum of those, so never less than there is
        self._heads: dict[Waiting, int] = {}  # bytes that are kept of them
        self._heads_in_all = 0
        self._loop: asyncio.AbstractEventLoop | None = None  # while somebody looks
        self._turned_away = 0  # since the last look

    @classmethod
    def of(cls, server_state: Any) -> "Connections":
        """The one for all connections of uvicorn's `ServerState`."""
        found = cls._of.get(server_state)
        if found is None:
            found = cls._of[server_state] = cls(server_state.connections)
        return found

    def made(self, one: Waiting, loop: asyncio.AbstractEventLoop) -> None:
        """It was just opened. Where that is one too many, another goes: the stranger who has waited
        longest, else the oldest idle connection, else this one."""
        if self._loop is None:
            self._loop = loop
            loop.call_later(LOOK, self._look)
        if len(self._opened) <= self.most:
            return
        self._turned_away += 1
        next(iter(self._strangers), next(iter(self._trusted), one)).drop()

    def waits(self, one: Waiting) -> None:
        """It serves no request now."""
        (self._trusted if one.trusted else self._strangers)[one] = None

    def serves(self, one: Waiting) -> None:
        self._strangers.pop(one, None)
        self._trusted.pop(one, None)
        self._heads_in_all -= self._heads.pop(one, 0)

    def holds_head(self, one: Waiting, size: int) -> None:
        """It has a head whose end has not come. All such heads together are bounded: the stranger
        whose head began first is cut, else whoever's did."""
        self._heads_in_all += size - self._heads.get(one, 0)
        self._heads[one] = size
        while self._heads_in_all > MOST_OF_HEADS:
            strangers = (other for other in self._heads if not other.trusted)
            oldest = next(strangers, next(iter(self._heads)))
            self._heads_in_all -= self._heads.pop(oldest)
            oldest.drop()

    def leaves_unread(self, one: Waiting) -> None:
        """Its answer is finished, and its client has not taken it. All such answers together are
        bounded: the oldest is cut first."""
        size = one.unsent()
        self._unread_in_all += size - self._unread.get(one, 0)
        self._unread[one] = size
        if self._unread_in_all <= MOST_UNREAD:
            return
        self._unread = {other: size for other in self._unread if (size := other.unsent())}
        self._unread_in_all = sum(self._unread.values())
        while self._unread_in_all > MOST_UNREAD * 7 // 8:  # some room, or the next one cuts again
            oldest = next(iter(self._unread))
            self._unread_in_all -= self._unread.pop(oldest)
            oldest.drop()

    def lost(self, one: Waiting) -> None:
        self.serves(one)
        self._unread_in_all -= self._unread.pop(one, 0)

    def _look(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for one in [*self._strangers, *self._trusted]:
            if one.until <= now:
                one.expire()
        if self._turned_away:
            text = "%d idle connections were closed for new ones: at most %d can be open"
            _log.warning(text, self._turned_away, self.most)
            self._turned_away = 0
        if self._opened:
            self._loop.call_later(LOOK, self._look)
        else:
            self._loop = None
