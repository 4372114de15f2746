"""What can go wrong between a client and a project, for a test to choose from."""

from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any

from tests.support.postgrest.calls import Reply, json_reply
from tests.support.postgrest.keys import wrong_key
from tests.support.postgrest.problems import problem


class Fault(Enum):
    """The statement runs, and is committed, only where it is said."""

    ERROR_500 = auto()  # the database broke a deadlock
    BUSY_503 = auto()  # the database takes no more connections
    PAUSED_540 = auto()  # Supabase has put the project to sleep
    WRONG_KEY_401 = auto()  # the key has been taken back
    HTML_502 = auto()  # a proxy on the way answers
    HTML_200 = auto()  # and one that does so with a page of its own
    REFUSE = auto()  # the connection is cut at once
    HANG = auto()  # there is never an answer
    HANG_AFTER = auto()  # committed, then there is never an answer
    LOSE_ANSWER = auto()  # committed, then the connection is cut before the first byte
    CUT_BODY = auto()  # committed, then it is cut in the middle of the body


RUNS = {None, Fault.HANG_AFTER, Fault.LOSE_ANSWER, Fault.CUT_BODY}
HANGS = {Fault.HANG, Fault.HANG_AFTER}
CUTS = {Fault.REFUSE, Fault.LOSE_ANSWER}


class Connection:
    """The client's, with what HTTP has no word for."""

    def __init__(self, transport: Any, receive: Callable[[], Awaitable[Any]]) -> None:
        self._transport = transport
        self._receive = receive

    @property
    def gone(self) -> bool:
        return self._transport.is_closing()

    async def left(self) -> None:
        """Return when the client has closed."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def cut(self) -> None:
        """Close without another byte."""
        self._transport.abort()
        await self.left()

    async def cut_after_sending(self) -> None:
        """Close when what was written is on its way."""
        self._transport.close()
        await self.left()


def canned(fault: Fault) -> Reply:
    """What is answered in place of the function."""
    return _CANNED[fault]


def _page(status: int, title: str) -> Reply:
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>{title}</body>\r\n</html>\r\n"
    return Reply(status, body.encode(), (("content-type", "text/html; charset=UTF-8"),))


_CANNED = {
    Fault.ERROR_500: problem(
        "40P01",
        "deadlock detected",
        "Process 4711 waits for ShareLock on transaction 1147; blocked by process 4712.\n"
        "Process 4712 waits for ShareLock on transaction 1146; blocked by process 4711.",
        "See server log for query details.",
    ).reply,
    Fault.BUSY_503: problem(
        "PGRST000",
        "Database connection error.",
        "FATAL:  sorry, too many clients already",
    ).reply,
    Fault.PAUSED_540: json_reply(540, {"message": "Project paused"}),  # its words are not known
    Fault.WRONG_KEY_401: wrong_key(),
    Fault.HTML_502: _page(502, "502 Bad Gateway"),
    Fault.HTML_200: _page(200, "Welcome to our network"),
}
