"""Reads the log lines of one run of cloudflared, and reports to the owner what happened."""

import time
from collections.abc import Callable

from tunnel import data_centres, log_line
from tunnel.authorities import has_authorities
from tunnel.log_line import LogLine
from tunnel.problems import FORGOTTEN, NO_AUTHORITIES, Problem, lost, problem_in

_BLOCKED = {"udp", "tcp"}  # problems of a network that lets a port out, or not
AGAIN = 600.0  # seconds before the same text is reported again


class LogReader:
    """`report` gets each event as (is it a warning, one sentence).

    `reported`: when each text was last reported, shared with the readers of earlier runs. `trial`:
    whether the tunnel is one. `until`: when an earlier run was last connected.
    """

    def __init__(
        self,
        report: Callable[[bool, str], None],
        reported: dict[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        trial: bool = False,
        until: str = "",
    ) -> None:
        self._trial = trial
        self._until = until
        self.problem: Problem | None = None  # the last known problem
        self.last_error = ""  # the last line that was an error, known or not
        self._report = report
        self._clock = clock
        self._reported = {} if reported is None else reported
        self._connections: dict[int, str] = {}  # "city over protocol" by cloudflared's index

    def take(self, raw: bytes) -> LogLine:
        """Read one line. Any bytes are allowed."""
        line = log_line.parse(raw)
        if line.message == "Registered tunnel connection":
            self._connected(line)
        elif line.message == "precheck":
            if line.fields.get("status") == "fail":
                self._found(problem_in(log_line.printable(line.fields.get("component"))))
        elif line.message.startswith("Switching to fallback protocol"):
            self._report_once("UDP does not get through; trying TCP (http2).")
        elif line.message in {"Lost connection with the edge", "Connection terminated"}:
            self._lost(line)
        elif not line.level and not log_line.is_decoration(line):
            # Why cloudflared is about to end: the supervisor reports it when it has ended.
            self.last_error = log_line.shortened(line.text)
            self.problem = self._meant(problem_in(line.text)) or self.problem
        elif line.is_warning and not log_line.is_decoration(line):
            self.last_error = log_line.shortened(line.text)
            self._found(problem_in(line.text))
        return line

    def why(self) -> str:
        """Why it ended or does not connect, with the remedy where one is known."""
        if self.problem is not None:
            return self.problem.remedy
        return self.last_error or "it gave no reason"

    def connected_until(self) -> str:
        """When the last connection was lost, as owners read a clock; now, while there is one.
        Empty if there was none."""
        return _clock() if self._connections else self._until

    def healthy(self) -> None:
        """It is connected: earlier problems explain nothing any more."""
        self.problem = None
        self.last_error = ""

    def _connected(self, line: LogLine) -> None:
        location, protocol = (
            log_line.shortened(log_line.printable(line.fields.get(key)))
            for key in ("location", "protocol")
        )
        where = f"{data_centres.city(location)} over {protocol or 'quic'}"
        if where not in self._connections.values():
            self._report(False, f"Connected to {where}.")
        self._connections[_index(line)] = where

    def _lost(self, line: LogLine) -> None:
        where = self._connections.pop(_index(line), None)
        if where is not None and not self._connections:
            self._until = _clock()
        if where is not None and where not in self._connections.values():
            self._report(False, f"Lost the connection to {where}; cloudflared reconnects.")
        if line.error:
            self.last_error = log_line.shortened(line.text)
            self._found(problem_in(line.text))

    def _meant(self, problem: Problem | None) -> Problem | None:
        """What it means here: a trial tunnel has no token, a port through which it was connected is
        not blocked, and without authorities every certificate looks replaced."""
        if problem is not None and problem.name == "refused" and self._trial:
            return FORGOTTEN
        if problem is not None and problem.name in _BLOCKED and self._until:
            return lost(self._until)
        if problem is not None and problem.name == "intercepted" and not has_authorities():
            return NO_AUTHORITIES
        return problem

    def _found(self, problem: Problem | None) -> None:
        problem = self._meant(problem)
        if problem is not None:
            self.problem = problem
            self._report_once(problem.remedy)

    def _report_once(self, text: str) -> None:
        """Report a warning, unless it was reported a short while ago."""
        now = self._clock()
        if now - self._reported.get(text, -AGAIN) >= AGAIN:
            self._reported[text] = now
            self._report(True, text)


def _clock() -> str:
    return time.strftime("%H:%M:%S")


def _index(line: LogLine) -> int:
    index = line.fields.get("connIndex")
    return index if isinstance(index, int) else 0
