"""The requests of one key that wait, in lines of its visitors: those take turns, too.

The next is one of the visitor that runs least; of several, of the one whose last turn is longest
ago. A key without visitors has one line, of nobody in particular (None).
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.backends.scheduler import Ticket

Runs = Callable[[Hashable], int]  # how many requests of somebody run


class Line:
    def __init__(self) -> None:
        self.count = 0
        self._of: OrderedDict[Hashable, deque[Ticket]] = OrderedDict()

    def add(self, ticket: "Ticket", *, first: bool) -> None:
        """`first`: before all others."""
        own = self._of.setdefault(ticket.visitor, deque())
        if first:
            own.appendleft(ticket)
            self._of.move_to_end(ticket.visitor, last=False)
        else:
            own.append(ticket)
        self.count += 1

    def remove(self, ticket: "Ticket", *, served: bool) -> None:
        """`served`: it was its visitor's turn, and the others come first now."""
        own = self._of[ticket.visitor]
        own.remove(ticket)
        self.count -= 1
        if not own:
            del self._of[ticket.visitor]
        elif served:
            self._of.move_to_end(ticket.visitor)

    def next(self, usable: Callable[["Ticket"], bool], runs: Runs) -> "Ticket | None":
        """Of the visitors that have a usable one, the first of who runs least."""
        best, fewest = None, 0
        for visitor, own in self._of.items():
            if best is not None and runs(visitor) >= fewest:
                continue
            found = next((ticket for ticket in own if usable(ticket)), None)
            if found is not None:
                best, fewest = found, runs(visitor)
                if not fewest:
                    break
        return best

    def rounds(self, ticket: "Ticket", runs: Runs) -> int:
        """How many of the key's turns come before the ticket's."""
        rounds = self._of[ticket.visitor].index(ticket)
        waiting = ((visitor, len(own)) for visitor, own in self._of.items())
        return turns_before(waiting, ticket.visitor, rounds, runs)

    def count_of(self, visitor: Hashable) -> int:
        return len(self._of.get(visitor, ()))

    def visitors_with(self, visitor: Hashable) -> int:
        """How many wait, this one among them."""
        return len(self._of.keys() | {visitor})


def turns_before(
    waiting: Iterable[tuple[Hashable, int]], mine: Hashable, rounds: int, runs: Runs
) -> int:
    """How many turns come before the one that follows `rounds` of my own, if all that run go on:
    each goes to who runs least then. `waiting`: who waits with how many, in order."""
    ours, ahead, before_us = runs(mine), rounds, True
    for who, count in waiting:
        if who == mine:
            before_us = False
            continue
        theirs = runs(who)
        # They have turns until they run as many as we shall, and one more where they come first
        # among equals: those who have waited since our turn, or now.
        first = theirs > ours or (theirs == ours and before_us)
        ahead += min(count, max(0, ours + rounds - theirs + first))
    return ahead
