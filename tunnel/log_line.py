"""A line that cloudflared wrote on stderr: JSON, except for what it says right before it ends."""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

_LONGEST = 2000  # characters kept of a text
_SECRET = re.compile(r"[\w+=]{32,}")  # of tokens and keys; no word, id or part of a path is as long


@dataclass(frozen=True)
class LogLine:
    """`level` is empty for a line that is not JSON; `error` is the cause that came with it."""

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
    def is_warning(self) -> bool:
        return self.level not in {"info", "debug"}


def parse(line: bytes) -> LogLine:
    """Takes any bytes: a line that is not a JSON object becomes the message as it is."""
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
    """The text without characters that could control a terminal or fake a log line: parts of it
    come from the network. Empty for a value that is not a string."""
    text = value[:_LONGEST] if isinstance(value, str) else ""
    return "".join(one if one.isprintable() else " " for one in text)


def is_decoration(line: LogLine) -> bool:
    """Whether the line is empty, part of a table, or advice where to read on."""
    return not line.text or line.message.startswith(("+--", "|  ", "See 'cloudflared", "  "))


@lru_cache(256)  # without a network the same few come thousands of times a second
def shortened(text: str) -> str:
    """At most 300 characters on one line, without what could be a token or key."""
    return " ".join(_SECRET.sub("…", text).split())[:300]
