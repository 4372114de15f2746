"""One life of cloudflared as its owner reads it: what it wrote, in a few plain sentences."""

import time
from collections.abc import Callable

from tunnel import data_centres, log_line
from tunnel.log_line import LogLine
from tunnel.problems import Problem, problem_in

AGAIN = 600.0  # seconds before the same trouble is told again


class LogReader:
    """Fed line by line. `tell` gets (is it trouble, what there is to say). `told` is when what was
    told, in earlier lives too."""

    def __init__(
        self,
        tell: Callable[[bool, str], None],
        told: dict[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem: Problem | None = None  # the last known trouble
        self.last_words = ""  # the last that went wrong, known or not
        self._tell = tell
        self._clock = clock
        self._told = {} if told is None else told
        self._places: dict[int, str] = {}

    def take(self, raw: bytes) -> LogLine:
        line = log_line.parse(raw)
        if line.message == "Registered tunnel connection":
            self._connected(line)
        elif line.message == "precheck":
            if line.fields.get("status") == "fail":
                self._trouble(problem_in(log_line.printable(line.fields.get("component"))))
        elif line.message.startswith("Switching to fallback protocol"):
            self._say(True, "UDP does not get through; trying TCP (http2).")
        elif line.message in {"Lost connection with the edge", "Connection terminated"}:
            self._lost(line)
        elif not line.level and not log_line.is_decoration(line):  # why it ends: told when it has
            self.last_words = log_line.shortened(line.text)
            self.problem = problem_in(line.text) or self.problem
        elif line.is_trouble and not log_line.is_decoration(line):
            self.last_words = log_line.shortened(line.text)
            self._trouble(problem_in(line.text))
        return line

    def why(self) -> str:
        """Why it ended or does not connect, with the remedy where there is one."""
        if self.problem is not None:
            return self.problem.remedy
        return self.last_words or "it gave no reason"

    def healthy(self) -> None:
        """All is well again: what went wrong before explains nothing any more."""
        self.problem = None
        self.last_words = ""

    def _connected(self, line: LogLine) -> None:
        location, protocol = (
            log_line.shortened(log_line.printable(line.fields.get(key)))
            for key in ("location", "protocol")
        )
        place = f"{data_centres.city(location)} over {protocol or 'quic'}"
        if place not in self._places.values():
            self._tell(False, f"Connected to {place}.")
        self._places[_index(line)] = place

    def _lost(self, line: LogLine) -> None:
        place = self._places.pop(_index(line), None)
        if place is not None and place not in self._places.values():
            self._tell(False, f"Lost the connection to {place}; cloudflared reconnects.")
        if line.error:
            self.last_words = log_line.shortened(line.text)
            self._trouble(problem_in(line.text))

    def _trouble(self, problem: Problem | None) -> None:
        if problem is not None:
            self.problem = problem
            self._say(True, problem.remedy)

    def _say(self, trouble: bool, text: str) -> None:
        now = self._clock()
        if now - self._told.get(text, -AGAIN) >= AGAIN:
            self._told[text] = now
            self._tell(trouble, text)


def _index(line: LogLine) -> int:
    index = line.fields.get("connIndex")
    return index if isinstance(index, int) else 0
