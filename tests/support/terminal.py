"""Runs a command in a terminal of its own and answers what it asks.

`python -m tests.support.terminal JSON`:
{"command": [...], "answers": [[part of a prompt, answer]]}.
It prints all that was on the screen, and ends with the command's exit code.
"""

import json
import os
import pty
import select
import sys
import time
from typing import Any

PATIENCE = 60.0


def main(order: dict[str, Any]) -> int:
    pid, screen = pty.fork()
    if pid == 0:
        os.execv(order["command"][0], order["command"])
    answers, seen, shown = list(order["answers"]), "", ""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ready, _, _ = select.select([screen], [], [], 1.0)
        if not ready:
            continue
        try:
            text = os.read(screen, 4096).decode(errors="replace")
        except OSError:  # the command has ended
            break
        shown, seen = shown + text, seen + text
        while answers and answers[0][0] in seen:
            seen = seen.split(answers[0][0], 1)[1]
            os.write(screen, answers.pop(0)[1].encode() + b"\n")
    print(shown)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
