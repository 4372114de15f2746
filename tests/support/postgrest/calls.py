"""What the stand-in has seen, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

JSON = ("content-type", "application/json; charset=utf-8")


@dataclass
class Call:
    """A request. Times are monotonic; `status` is None while no answer has been sent."""

    function: str
    arrived: float
    role: str | None = None  # None: whoever it was, the gateway or the token check refused it
    has_token: bool = False  # whether there was an Authorization header
    arguments: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    ended: float | None = None


@dataclass(frozen=True)
class Request:
    """What HTTP brought."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What HTTP takes back."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """The request ends here with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


def json_reply(status: int, value: Any, *headers: tuple[str, str]) -> Reply:
    return Reply(status, msgspec.json.encode(value), (JSON, *headers))
