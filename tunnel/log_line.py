"""What cloudflared writes on stderr: JSON, a line each, but for the last words before it ends."""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

_LONGEST = 2000  # characters of a text that anybody would read
_SECRET = re.compile(r"[\w+=]{32,}")  # of tokens and keys; no word, id or part of a path is as long


@dataclass(frozen=True)
class LogLine:
    """`level` is empty for a line that is no JSON; `error` is the cause that comes with it."""

    message: str
    level: str = ""
    error: str = ""
    fields: dict[str, Any] = field(default_factory=dict[str, Any], compare=False)

    @property
    def text(self) -> str:
        return (
            f"{self.message}: {self.error}"
            if self.error and self.message
            else (self.message or self.error)
        )

    @property
    def is_trouble(self) -> bool:
        return self.level not in {"info", "debug"}


def parse(line: bytes) -> LogLine:
    """Any bytes are taken: what cannot be read as JSON is a message as it is."""
    try:
        found: object = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return LogLine(printable(line[: 4 * _LONGEST].decode("utf-8", "replace")).strip())
    fields = cast(dict[str, Any], found)
    message, level, error = (printable(fields.get(key)) for key in ("message", "level", "error"))
    return LogLine(message, level or "info", error, fields)


def printable(value: object) -> str:
    """A text that does nothing to a terminal or a log: parts of it come from the network. Empty
    for what is no text."""
    text = value[:_LONGEST] if isinstance(value, str) else ""
    return "".join(one if one.isprintable() else " " for one in text)


def is_decoration(line: LogLine) -> bool:
    """Tables, empty lines, and advice where to read on, which no owner of a gateway needs."""
    return not line.text or line.message.startswith(("+--", "|  ", "See 'cloudflared", "  "))


@lru_cache(256)  # with a blocked line the same few come thousands of times a second
def shortened(text: str) -> str:
    return " ".join(_SECRET.sub("…", text).split())[:300]
