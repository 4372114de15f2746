"""The log as one JSON object a line, for programs that collect it."""

import json
import logging
from datetime import UTC, datetime
from typing import Any


class JsonLines(logging.Formatter):
    """`{"time", "level", "logger", "message"}`, and `exception` where there was one. The message of
    a request is `request`, and its fields stand beside that (request_log.py). All is ASCII, so no
    control character is left."""

    def format(self, record: logging.LogRecord) -> str:
        request: dict[str, Any] | None = getattr(record, "request", None)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": "request" if request else record.getMessage(),
            **(request or {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
