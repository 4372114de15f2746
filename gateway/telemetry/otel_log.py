"""What OpenTelemetry's packages say: in the gateway's log, and not again and again."""

import logging
import time

EVERY = 60.0  # seconds


class _OneAMinute(logging.Handler):
    """The exporters say each failed try, with its trace."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._told = -EVERY

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if now - self._told >= EVERY:
            self._told = now
            self._log.warning("OpenTelemetry: %s", record.getMessage())


def one_line_a_minute(log: logging.Logger) -> None:
    """From now on, its packages say no more than that, to `log`."""
    theirs = logging.getLogger("opentelemetry")
    theirs.handlers = [_OneAMinute(log)]
    theirs.propagate = False
