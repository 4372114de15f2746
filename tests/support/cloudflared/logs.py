"""cloudflared's log: JSON on stderr, or a human line; and how it ends."""

import json
import sys
from datetime import UTC, datetime
from typing import Any, NoReturn

AS_JSON = [False]
USAGE = 255


def say(message: str, level: str = "info", **fields: Any) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if AS_JSON[0]:
        row = {"level": level, "message": message, "time": now, **fields}
        line = json.dumps(dict(sorted(row.items())), separators=(",", ":"))
    else:
        rest = "".join(f" {key}={value}" for key, value in sorted(fields.items()))
        line = f"{now} {level[:3].upper()} {message}{rest}"
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def fail(words: str, code: int = 1) -> NoReturn:
    """The last words are never JSON."""
    sys.stderr.write(words + "\n")
    sys.stderr.flush()
    sys.exit(code)


def wrong_usage(words: str, command: str = "tunnel run") -> NoReturn:
    fail(f"{words}\nSee 'cloudflared {command} --help'.", USAGE)
